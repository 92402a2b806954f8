"""Tells the story: publishes the catalogue, plays every act at its instant, returns the clock, reports."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Protocol

import httpx
import yaml
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from deploy.launcher.story.acts import Next, Story, perform
from deploy.launcher.story.cast import Cast
from deploy.launcher.story.report import print_report
from deploy.launcher.story.script import Application, applications
from libs.deadlines import Calendar, Calendars, is_working_day

CATALOGUE = Path(__file__).resolve().parents[2] / "catalogue"
EDITOR = "editor-01"
OPENING = datetime(2026, 1, 5, 0, 30, tzinfo=UTC)  # 08:30 in Shanghai, before the first applicant
Due = tuple[datetime, int, str, tuple[Any, ...]]
AT_ONCE = 12  # acts of one business hour that are under way together


class Clock(Protocol):
    """Whoever drives the business clock."""

    async def advance_to(self, moment: datetime) -> None:
        """Move business time on, once everything due before has been done."""

    async def release(self) -> None:
        """Back to one business second per second."""


class Center(Protocol):
    """What the story needs of a running center: addresses, the login, the clock. No broker, no database."""

    sites: dict[str, Any]
    issuer: str
    driver_client: tuple[str, str]
    clock: Clock


def catalogue_files(kind: str) -> list[dict[str, Any]]:
    """The shipped documents of one kind (calendars, tariffs, rules, items) as they are published."""
    found = sorted((CATALOGUE / kind).glob("*.yaml"))
    return [_plain(yaml.safe_load(path.read_text(encoding="utf-8"))) for path in found]


def _plain(value: Any) -> Any:
    """YAML's dates as the text JSON carries."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, date | datetime) else value


def handled_by(item: dict[str, Any], departments: Collection[str] | None) -> bool:
    """Whether all departments of an item's plan are among these (None: all there can be)."""
    return departments is None or all(each["department"] in departments for each in item["plan"])


async def publish_catalogue(cast: Cast, departments: Collection[str] | None = None) -> dict[str, int]:
    """Publish everything shipped, in the order in which one thing relies on another; counts by kind.

    Of the items those that a center with these ``departments`` (None: all) can handle.
    """
    counted = {}
    for kind in ("calendars", "tariffs", "rules", "items"):
        documents = catalogue_files(kind)
        if kind == "items":
            documents = [item for item in documents if handled_by(item, departments)]
        for document in documents:
            if kind in ("rules", "items"):  # in force from the day of publication, whichever day that is
                del document["in_force_from"]
            await cast.act(EDITOR, f"{cast.site('disclosure')}/api/{kind}", document)
        counted[kind] = len(documents)
    return counted


async def run(center: Center, console: Console) -> bool:
    """Tell the whole story; False when an act was refused that the story did not expect."""
    async with Cast(center.issuer, *center.driver_client, center.sites) as cast:
        await center.clock.advance_to(OPENING)
        with _progress(console) as progress:
            counted = await publish_catalogue(cast)
            console.print("published: " + ", ".join(f"{count} {kind}" for kind, count in counted.items()))
            story, calendars = new_story(cast)
            ended_at = await play(center.clock, story, applications(story.working_day), progress)
        await center.clock.release()
        return await print_report(story, calendars, ended_at, console)


def new_story(cast: Cast) -> tuple[Story, Calendars]:
    """An untold story by the shipped catalogue, and the calendars it counts days with."""
    calendars = Calendars(Calendar.from_published(each) for each in catalogue_files("calendars"))
    items = {item["item_code"]: item for item in catalogue_files("items")}
    return Story(cast, items, lambda day: is_working_day(calendars, day)), calendars


def _progress(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


async def play(
    clock: Clock, story: Story, plans: Iterable[Application], progress: Progress | None = None
) -> datetime:
    """Play these applications from their filing to their end; returns the business instant of the last act."""
    number = itertools.count()
    heap: list[Due] = [(plan.arrives_at, next(number), "file", (plan,)) for plan in plans]
    heapq.heapify(heap)
    bars = _Bars(progress, len(heap)) if progress else None
    now = OPENING
    while heap:
        now = heap[0][0]
        due = []
        while heap and heap[0][0] == now:
            due.append(heapq.heappop(heap))
        await clock.advance_to(now)
        for moment, name, arguments in await _together(story, due, now):
            heapq.heappush(heap, (moment, next(number), name, arguments))
        if bars:
            bars.show(
                now, len(story.case_ids), len(set(story.case_ids) - {each[3][0].number for each in heap})
            )
    return now


class _Bars:
    """How far the story is."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._filed = progress.add_task("applications filed", total=total)
        self._ended = progress.add_task("cases at their end", total=total)

    def show(self, now: datetime, filed: int, ended: int) -> None:
        """Draw both bars."""
        what = f"applications filed, {now:%Y-%m-%d %H:%M}Z"
        self._progress.update(self._filed, completed=filed, description=what)
        self._progress.update(self._ended, completed=ended)


async def _together(story: Story, due: list[Due], now: datetime) -> Next:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(name: str, arguments: tuple[Any, ...]) -> Next:
        async with gate:
            try:
                return await perform(story, name, arguments, now)
            except (TimeoutError, httpx.HTTPError, KeyError, AssertionError) as failed:
                story.notes.append(
                    f"application {arguments[0].number}, {name}: {type(failed).__name__}: {failed}"
                )
                return []

    results = await asyncio.gather(*(one(name, arguments) for _, _, name, arguments in due))
    return [each for following in results for each in following]
