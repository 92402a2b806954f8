"""What could not be handled, as commands: list, show, replay, close; and heal, for what a queue has lost.

Everything goes through the services' own doors with a system administrator's token: nothing here writes into a
database, and every replay is noted there with its author.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from prometheus_client import start_http_server

from deploy.healing import Desk, Healer, Unreached
from deploy.launcher.reach import center_of, desk, healer
from deploy.launcher.terminal import OfRun, console, run

PAGE = 200
SHOWN = ("source", "id", "type", "subject", "code", "reason", "attempts", "set_aside_at", "settled_at")
commands = typer.Typer(help="What could not be handled: list, show, replay, close.", add_completion=False)
House = Annotated[str, typer.Argument(help="The service: intake, review.fire, …")]
Number = Annotated[int, typer.Argument(help="The letter's number there.", min=1)]


@commands.callback(invoke_without_command=True)
def letters(context: typer.Context, run_dir: OfRun = None) -> None:
    """What was set aside or given up, with its reason; without a command: list, status 1 when there is any."""
    if context.invoked_subcommand is None:
        run(_list(run_dir, False))


@commands.command("list")
def list_letters(
    settled: Annotated[bool, typer.Option("--settled", help="Those that are settled instead.")] = False,
    run_dir: OfRun = None,
) -> None:
    """Every service's letters, and how many messages its dead-letter queue holds; status 1 when any is open."""
    run(_list(run_dir, settled))


async def _list(run_dir: Path | None, settled: bool) -> bool:
    async with desk(center_of(run_dir)) as administrator:
        houses = list(administrator.houses)
        told = await asyncio.gather(*(_of(administrator, house, settled) for house in houses))
    lines = [line for each in told for line in each.lines]
    for line in lines or ["Nothing is settled." if settled else "Nothing is set aside."]:
        console.print(line, markup=False, soft_wrap=True)
    if parked := sum(each.parked for each in told):
        console.print(f"{parked} events wait for a predecessor")
    trouble = [each.trouble for each in told if each.trouble]
    for text in trouble:
        console.print(text, style="red", markup=False, soft_wrap=True)
    return not trouble and (settled or not lines)


@dataclass(frozen=True)
class _Told:
    """What one house told of its letters."""

    lines: list[str]
    parked: int = 0
    trouble: str = ""


async def _of(administrator: Desk, house: str, settled: bool) -> _Told:
    lines: list[str] = []
    page = 1
    while True:
        query = {"state": "settled" if settled else "open", "page": page, "limit": PAGE}
        try:
            told = await administrator.read(house, "/api/letters", **query)
        except Unreached as why:
            return _Told(lines, trouble=str(why))
        lines += [_line(house, each) for each in told["letters"]]
        if page * PAGE >= told["total"]:
            dead = told["dead_letter_messages"]
            trouble = f"{house}.dead holds {dead} messages that are not taken in" if dead else ""
            return _Told(lines, told["figures"]["parked"], trouble)
        page += 1


def _line(house: str, letter: dict[str, Any]) -> str:
    when = f"settled {letter['settled_at']}" if letter["settled_at"] else f"since {letter['set_aside_at']}"
    why = f"{letter['code']}: {letter['reason']}"[:160]
    return f"{house} {letter['number']}  {letter['type']}  {why}  tried {letter['attempts']}, {when}"


@commands.command()
def show(house: House, number: Number, run_dir: OfRun = None) -> None:
    """One letter: its text, why, how often tried, and who heard it again."""

    async def work() -> bool:
        async with desk(center_of(run_dir)) as administrator:
            letter = await administrator.read(house, f"/api/letters/{number}")
        for name in SHOWN:
            console.print(f"{name + ':':14}{letter[name]}", markup=False, soft_wrap=True)
        for replay in letter["replays"]:
            text = f"{replay['replayed_at']} {replay['actor']}: {replay['outcome']} {replay['reason']}"
            console.print(text.rstrip(), markup=False, soft_wrap=True)
        first = f"{letter['set_aside_at']} set aside: {letter['first_code']}: {letter['first_reason']}"
        console.print(first, markup=False, soft_wrap=True)
        console.print(_readable(letter["body"]), markup=False, soft_wrap=True)
        return True

    run(work())


def _readable(body: str) -> str:
    try:
        return json.dumps(json.loads(body), ensure_ascii=False, indent=2)
    except ValueError:
        return body


@commands.command()
def replay(
    house: Annotated[
        str | None, typer.Argument(help="The service; every one with --all and none given.")
    ] = None,
    number: Annotated[int | None, typer.Argument(help="The letter's number there.", min=1)] = None,
    every: Annotated[bool, typer.Option("--all", help="Every open letter that is an event.")] = False,
    run_dir: OfRun = None,
) -> None:
    """Hear a letter again, or all of them; status 1 when one fails again."""
    if every == (number is not None) or (number is not None and house is None):
        raise typer.BadParameter("Name a service and a number, or --all (of one service, if you name it).")

    async def work() -> bool:
        async with desk(center_of(run_dir)) as administrator:
            if number is not None:
                return await _replay(administrator, str(house), number)
            houses = [house] if house else list(administrator.houses)
            return all([await _replay_all(administrator, each) for each in houses])

    run(work())


async def _numbers(administrator: Desk, house: str) -> list[int]:
    """Open letters that are events, oldest first."""
    found: list[int] = []
    page = 1
    while True:
        told = await administrator.read(house, "/api/letters", page=page, limit=PAGE)
        found += [each["number"] for each in told["letters"] if each["code"] != "unreadable"]
        if page * PAGE >= told["total"]:
            return sorted(found)
        page += 1


async def _replay_all(administrator: Desk, house: str) -> bool:
    """Every letter of one house; a house that is silent is said, and stops nobody."""
    try:
        return all([await _replay(administrator, house, n) for n in await _numbers(administrator, house)])
    except Unreached as why:
        console.print(str(why), style="red", markup=False, soft_wrap=True)
        return False


async def _replay(administrator: Desk, house: str, number: int) -> bool:
    told = await administrator.act(house, f"/api/letters/{number}/replay")
    failed = told["outcome"] == "failed"
    text = f"{house} {number}: {told['outcome']} {told['reason']}".rstrip()
    console.print(text, style="red" if failed else None, markup=False, soft_wrap=True)
    return not failed


@commands.command()
def close(
    house: House,
    number: Number,
    note: Annotated[str, typer.Option("--note", help="Who sent it, and why it needs nobody any more.")],
    run_dir: OfRun = None,
) -> None:
    """Settle text that is no event, with a note. An event cannot be closed: it is heard again."""

    async def work() -> bool:
        async with desk(center_of(run_dir)) as administrator:
            await administrator.act(house, f"/api/letters/{number}/closing", {"note": note})
        console.print(f"{house} {number}: closed", markup=False)
        return True

    run(work())


def heal(
    watch: Annotated[bool, typer.Option("--watch", help="Look every ten seconds until Ctrl-C.")] = False,
    metrics_port: Annotated[int, typer.Option("--metrics-port", help="Serve its figures here.")] = 0,
    metrics_host: Annotated[str, typer.Option("--metrics-host", help="On this address.")] = "127.0.0.1",
    run_dir: OfRun = None,
) -> None:
    """Compare all outboxes with all inboxes and have what a queue lost sent again; status 1 when any was lost."""

    async def work() -> bool:
        async with healer(
            center_of(run_dir), lambda text: console.print(text, markup=False, soft_wrap=True)
        ) as made:
            if metrics_port:
                start_http_server(metrics_port, metrics_host, made.registry)
            if watch:
                await made.watch()
            return await _once(made)

    run(work())


async def _once(made: Healer) -> bool:
    done = await made.once()
    for trouble in done.trouble:
        console.print(trouble, style="red", markup=False, soft_wrap=True)
    console.print(
        f"{made.compared} deliveries compared, {len(done.lost)} lost, {done.resent} events sent again"
    )
    return not done.lost and not done.trouble
