"""The story of `make demo`, told to a center in containers through its gateway."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from deploy.compose.project import ComposeFailed, Project
from deploy.launcher.attached import Attached
from deploy.launcher.clock_driver import ClockDriver, ClockStuck
from deploy.launcher.deliveries import Deliveries
from deploy.launcher.readiness import Probe
from deploy.launcher.story.cast import Cast
from deploy.launcher.story.play import (
    OPENING,
    catalogue_files,
    handled_by,
    new_story,
    play,
    publish_catalogue,
)
from deploy.launcher.story.report import print_report
from deploy.launcher.story.script import applications
from libs.flow import FLOW

START = datetime(2026, 1, 5, tzinfo=UTC)  # 08:00 in Shanghai, before the story's first act
PATIENCE_S = 180.0  # a container that was killed is replaced well within it
DRIVEN = {"ONEWINDOW_CLOCK_FILE": "/run/onewindow/clock.json"}


class Composed:
    """A center in containers as the story sees it: addresses, the login, the clock in the shared folder."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.departments = [house.department for house in project.houses if house.department]
        self.attached = Attached(project.state)
        self.case_ids: list[str] = []
        self.deliveries = Deliveries(FLOW, self.departments)
        self.deliveries.watch(self.attached.databases)
        self.probes = [Probe(house.name, project.port, f"{house.path}/readyz") for house in project.houses]
        self.clock = ClockDriver(
            project.state / "clock" / "clock.json", self.probes, START, missing=self.deliveries.missing,
            patience_s=PATIENCE_S,
        )  # fmt: skip

    async def tell(self, cast: Cast, console: Console, *, most: int | None = None) -> bool:
        """The part of the story that these departments handle (``most`` applications of it, if told)."""
        await self.clock.advance_to(OPENING)
        await publish_catalogue(cast, self.departments)
        handled = {i["item_code"] for i in catalogue_files("items") if handled_by(i, self.departments)}
        story, calendars = new_story(cast)
        plans = [plan for plan in applications(story.working_day) if plan.item_code in handled][:most]
        ended_at = await play(self.clock, story, plans)
        await self.clock.release()
        self.case_ids = list(story.case_ids.values())
        return await print_report(story, calendars, ended_at, console)

    async def close(self) -> None:
        """Let go of its connections."""
        await self.deliveries.close()
        for probe in self.probes:
            probe.close()


def prepare(project: Project) -> None:
    """Secrets, and a business clock that stands before the first act."""
    project.secrets().make()
    project.more.update(DRIVEN)
    project.write_center()
    ClockDriver(project.state / "clock" / "clock.json", [], START).hold()


@asynccontextmanager
async def composed(project: Project) -> AsyncIterator[tuple[Composed, Cast]]:
    """A running center and its people."""
    center = Composed(project)
    try:
        async with center.attached.cast() as cast:
            yield center, cast
    finally:
        await center.close()


def demo(once: bool) -> int:
    """`make demo COMPOSE=1`: a fresh center in containers, the story, the audit; then it stays up until Ctrl-C."""
    console = Console(highlight=False)
    project = Project.told()
    project.name, project.state = "onewindow-demo", project.state / "demo"
    try:
        project.compose("version", seconds=20)
        project.down()
        try:
            prepare(project)
            console.print(f"Building and starting {len(project.houses)} houses")
            project.compose("build", seconds=1800)
            project.up()
            return asyncio.run(_demo(project, console, once))
        finally:
            console.print("Ending")
            project.down()
    except (ComposeFailed, ClockStuck, OSError) as known:
        console.print(str(known), style="bold red", markup=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        return 130


async def _demo(project: Project, console: Console, once: bool) -> int:
    async with composed(project) as (center, cast):
        told = await center.tell(cast, console)
        report = await center.attached.audit()
    for line in report.lines():
        console.print(line, style="red" if "BREACH" in line else None, markup=False)
    if not once:
        console.print(
            f"Up at {project.public} (password onewindow: applicant-01, window-01, supervisor-01, …)"
        )
        console.print("Ctrl-C ends it.")
        await _until_stopped()
    return 0 if told and report.clean else 1


async def _until_stopped() -> None:
    stop = asyncio.Event()
    loop: Any = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop.set)
    await stop.wait()
