"""A few faults against the whole center: the five real services tell real cases while struck; then the audit."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import asyncpg

from deploy.launcher.center import Center
from deploy.launcher.story.play import new_story, play
from tests.center import whole_center
from tests.faults.lasting import lasts
from tests.faults.test_killed_during_the_story import CHOSEN, plans

STRUCK = (
    "intake", "disclosure", "fee", "supervision",
    "review/urban_management", "review/fire", "review/traffic_police", "review/pipelines",
)  # fmt: skip
ENDED = {"delivered", "declined", "withdrawn"}


async def _kill(center: Center, name: str) -> bool:
    before = center.watch.restarts.get(name, 0)
    pid = center.processes.running[name].pid
    if pid is None:
        return False
    os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(90):
        while center.watch.restarts.get(name, 0) == before:
            await asyncio.sleep(0.1)
    await center.wait_ready()
    return True


async def _stop(center: Center, name: str) -> bool:
    pid = center.processes.running[name].pid
    if pid is None:
        return False
    os.kill(pid, signal.SIGSTOP)
    await lasts(3)
    os.kill(pid, signal.SIGCONT)
    return True


async def _end_sessions(center: Center, name: str) -> bool:
    connection = await asyncpg.connect(center.postgres.url)
    try:
        sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()"
        return len(await connection.fetch(sql, center.databases[name].name)) > 0
    finally:
        await connection.close()


async def _close_connections(center: Center, name: str) -> bool:
    def close() -> int:
        closed = 0
        with center.broker.operator() as operator:
            for each in operator.get("/api/connections").json():
                if each.get("user") == name.replace("/", "."):
                    closed += operator.delete(f"/api/connections/{each['name']}").status_code == 204
        return closed

    return await asyncio.to_thread(close) > 0


ACTS = {
    "kill": _kill,
    "stop": _stop,
    "sessions_terminated": _end_sessions,
    "connections_closed": _close_connections,
}


async def _strike(center: Center, seed: int, fired: list[tuple[str, str]]) -> None:
    dice = random.Random(f"whole {seed}")
    cards = [(kind, name) for kind in ACTS for name in STRUCK]
    dice.shuffle(cards)
    for kind, name in cards:
        await asyncio.sleep(dice.uniform(0, 0.5))
        if await ACTS[kind](center, name):
            fired.append((kind, name))


def strike_the_whole_center(folder: Path, seed: int) -> dict[str, Any]:
    """Play some applications through all services under faults; what the audit and the story say afterwards."""
    began = time.monotonic()
    fired: list[tuple[str, str]] = []
    with whole_center(folder / "whole") as center:
        story, _ = new_story(center.cast)

        async def tell() -> None:
            striking = asyncio.create_task(_strike(center.center, seed, fired))
            await play(center.center.clock, story, plans(center, story.working_day))
            await striking

        center.run(tell(), seconds=580)
        report = center.audit()
        states = [center.read("window-01", story.case_url(number))["state"] for number in story.case_ids]
        notes = [str(note) for note in story.notes]
    open_cases = len(CHOSEN) - sum(state in ENDED for state in states)
    return {
        "seed": seed,
        "faults": len(fired),
        "fired": fired,
        "cases": len(states),
        "not_ended": open_cases,
        "notes": notes,
        "audit": [line for line in report.lines() if line.lstrip().startswith("-")],
        "clean": report.clean and not notes and open_cases == 0 and len(fired) >= len(STRUCK),
        "seconds": round(time.monotonic() - began, 1),
    }
