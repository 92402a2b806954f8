"""The commands: up, demo, audit, verify, catalogue, trace, letters, heal."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.status import Status
from rich.table import Table

from deploy.audit import Report
from deploy.launcher import letters
from deploy.launcher.attached import Attached, NoCenter
from deploy.launcher.center import Center
from deploy.launcher.processes import ROOT
from deploy.launcher.terminal import OfRun, console
from deploy.launcher.terminal import fail as _fail
from deploy.launcher.terminal import run as _run
from deploy.launcher.traces import drawn, read_spans, trees_of
from deploy.servers import ServerFailed

DEMO_START = datetime(2026, 1, 5, tzinfo=UTC)  # 08:00 in Shanghai, before the story's first act
VERIFIER = ROOT / "deploy" / "verify" / "verify.py"
app = typer.Typer(help="Onewindow: a government approval center.", no_args_is_help=True, add_completion=False)
catalogue = typer.Typer(help="What the center has published.", no_args_is_help=True)
app.add_typer(catalogue, name="catalogue")
app.add_typer(letters.commands, name="letters")
app.command()(letters.heal)
RunDir = Annotated[
    Path | None, typer.Option("--run-dir", help="Its folder (default: a new one below .run/).")
]


def _addresses(center: Center) -> Table:
    table = Table("house", "pages", box=None, header_style="bold", pad_edge=False)
    doors = {"disclosure": "/", "intake": "/cases", "review": "/desk", "fee": "/bills", "supervision": "/"}
    for house in center.houses:
        table.add_row(house.name, house.url + doors[house.service])
    table.add_row(
        "logins", "password onewindow: applicant-01, window-01, <department>-examiner, <department>-head,"
    )
    table.add_row("", "finance-01, supervisor-01, editor-01, auditor-01, administrator-01")
    table.add_row("logs", str(center.logs))
    return table


async def _until_stopped(center: Center) -> None:
    """Stay up until Ctrl-C or SIGTERM, or until something cannot be kept alive."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    console.print("Up. Ctrl-C ends it.")
    while not stop.is_set() and center.watch.failure is None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 0.5)
    if center.watch.failure:
        raise ServerFailed(center.watch.failure)


@contextlib.asynccontextmanager
async def _center(run_dir: Path | None, start: datetime | None) -> Any:
    """A center with a progress line while it comes up."""
    with Status("Starting", console=console) as status:
        tell = status.update if console.is_terminal else lambda text: console.print(text)
        center = Center(run_dir, start=start, heal=True, tell=tell)
        await center.__aenter__()
    try:
        yield center
    finally:
        with Status("Ending", console=console):
            await center.__aexit__(None, None, None)


@app.command()
def up(run_dir: RunDir = None) -> None:
    """A center on this machine, in real time, until Ctrl-C."""

    async def work() -> bool:
        async with _center(run_dir, None) as center:
            console.print(_addresses(center))
            await _until_stopped(center)
        return True

    _run(work())


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the audit, with its status.")] = False,
    run_dir: RunDir = None,
) -> None:
    """Sixty applications through five services on a faster business clock, then the audit."""

    async def work() -> bool:
        from deploy.launcher import story

        async with _center(run_dir, DEMO_START) as center:
            told = await story.run(center, console)
            report = await Attached(center.run_dir).audit()
            _print_report(report)
            if any(center.watch.restarts.values()):
                restarts = ", ".join(f"{name} {count}" for name, count in center.watch.restarts.items())
                console.print(f"started again: {restarts}")
            console.print(_addresses(center))
            if not once:
                await _until_stopped(center)
        return told and report.clean

    _run(work())


def _print_report(report: Report) -> None:
    for line in report.lines():
        console.print(line, style="red" if "BREACH" in line else None, markup=False)


@app.command("audit")
def audit_center(run_dir: OfRun = None) -> None:
    """Recompute everything from all databases, with read-only roles; status 1 on any breach."""

    async def work() -> bool:
        report = await Attached(run_dir).audit()
        _print_report(report)
        return report.clean

    _run(work())


@app.command()
def verify(run_dir: OfRun = None) -> None:
    """Check the public log with the stand-alone verifier, as any outsider can."""

    async def work() -> bool:
        site = Attached(run_dir).sites["disclosure"]
        async with httpx.AsyncClient() as client:
            key = (await client.get(f"{site}/log/key")).text.strip()
        done = await asyncio.create_subprocess_exec(sys.executable, str(VERIFIER), "audit", site, key)
        return await done.wait() == 0

    _run(work())


@catalogue.command("publish")
def catalogue_publish(run_dir: OfRun = None) -> None:
    """Publish the shipped calendars, tariffs, rules and items, as the catalogue's editor."""

    async def work() -> bool:
        from deploy.launcher.story.play import publish_catalogue

        async with Attached(run_dir).cast() as cast:
            counted = await publish_catalogue(cast)
        console.print("published: " + ", ".join(f"{count} {kind}" for kind, count in counted.items()))
        return True

    _run(work())


@catalogue.command("list")
def catalogue_list(run_dir: OfRun = None) -> None:
    """The items that can be applied for."""

    async def work() -> bool:
        async with Attached(run_dir).cast() as cast:
            found = await cast.read(None, f"{cast.site('disclosure')}/api/items?limit=100")
        table = Table("item", "version", "name", box=None, header_style="bold", pad_edge=False)
        for item in found["items"]:
            table.add_row(
                item["item_code"], str(item["version"]), f"{item['name']['zh']}  {item['name']['en']}"
            )
        console.print(table)
        return True

    _run(work())


@app.command()
def trace(case_id: str, run_dir: OfRun = None) -> None:
    """One case's trace through all services, as a tree."""
    try:
        roots = trees_of(list(read_spans(Attached(run_dir).traces)), case_id)
    except NoCenter as missing:
        _fail(str(missing))
    if not roots:
        _fail(f"No trace mentions {case_id}.")
    console.print(drawn(roots, f"case {case_id}"))
