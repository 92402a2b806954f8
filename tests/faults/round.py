"""One round: warm up, storm, heal, drain, judge. What it found is one dictionary."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from itertools import islice
from typing import Any
from unittest import mock

import httpx

from deploy.audit.checks import CHECKS
from libs.flow import FLOW
from tests.faults import checker
from tests.faults.lasting import lasts
from tests.faults.nemesis import Nemesis
from tests.faults.plan import Fault
from tests.faults.stage import DEPARTMENTS, ROLES, Servers, Stage, stage
from tests.faults.workload import Clients, History

loading = import_module("deploy.audit.load")  # the package has a function of that name

CONVERGES_S = 120.0
WARM_UP_S = 2.0
AUDITED = ("I1", "I2", "I5", "I13")


async def play(on: Servers, seed: int, faults: Iterator[Fault], wanted: int) -> dict[str, Any]:
    """Play one round on these servers."""
    began = time.monotonic()
    async with stage(on, f"seed-{seed}") as made:
        history = History(made.folder / "history.jsonl")
        clients = Clients(made, history, seed)
        nemesis = Nemesis(made, history, clients)
        applying = asyncio.create_task(clients.run())
        await lasts(WARM_UP_S)
        try:
            await nemesis.run(faults, wanted)
        finally:
            clients.stop()
            await applying
        for edge in made.edges.values():
            edge.heal()
        return await _judged(made, history, nemesis, seed, began)


async def _judged(made: Stage, history: History, nemesis: Nemesis, seed: int, began: float) -> dict[str, Any]:
    expected = nemesis.injections.expected
    poisoned = {int(each["number"]) for each in expected if "number" in each}
    healed = time.monotonic()
    took, left = await checker.until_converged(made.databases, poisoned, CONVERGES_S)
    while True:
        books = await checker.read(made.databases)
        verdict = checker.judge(books, history.lines, expected, DEPARTMENTS)
        if verdict.clean or time.monotonic() - healed > CONVERGES_S:
            break
        await asyncio.sleep(0.5)
    if took is None:
        verdict.breaches["stuck"].append(f"not converged within {CONVERGES_S:.0f} s: {left}")
    outcomes = sorted(nemesis.outcomes, key=lambda each: each["n"])
    fired = [each for each in outcomes if each["fired"]]
    return {
        "seed": seed,
        "faults": len(fired),
        "missed": len(outcomes) - len(fired),
        "by_kind": dict(sorted(Counter(each["kind"] for each in fired).items())),
        "crashes": [(each["name"], each["point"]) for each in made.crashes()],
        "converged_s": round(time.monotonic() - healed, 2) if took is not None else None,
        "breaches": verdict.breaches,
        "audit": await _audit(made, expected),
        "counted": dict(verdict.counted),
        "duplicates_injected": nemesis.injections.duplicates,
        "duplicates_suppressed": await _suppressed(made),
        "answers_repeated": len(history.of("again")),
        "answers_lost": len(history.of("lost")),
        "deaths": len(made.deaths),
        "outcomes": outcomes,
        "seconds": round(time.monotonic() - began, 1),
    }


async def _suppressed(made: Stage) -> int:
    """How many deliveries and requests the running processes have recognised as repeated."""
    total = 0
    async with httpx.AsyncClient(timeout=5) as client:
        for port in made.ports.values():
            text = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
            for line in text.splitlines():
                if line.startswith("permit_deeds_total") and 'outcome="repeated"' in line:
                    total += int(float(line.rpartition(" ")[2]))
    return total


async def _audit(made: Stage, expected: list[dict[str, str]]) -> list[str]:
    """The shipped audit on the same databases, shown everything but what was injected; its breaches."""
    names = {role.queue: made.databases[role.database] for role in ROLES.values()}
    with mock.patch.dict(loading.TABLES, clear=True):  # toys have no tables of their own that it knows
        snapshot = await loading.load(names, broker_url=made.servers.broker.management)
    strange = {each["id"] for each in expected if "id" in each}
    for books in snapshot.books.values():
        books.inbox = [row for row in books.inbox if row.id not in strange]
        books.set_aside = []
    return [
        f"{invariant}: {text}"
        for invariant in AUDITED
        for text in CHECKS[invariant](snapshot, FLOW).breaches
        if "inbox rows set_aside" not in text
    ]


def chosen(faults: Iterator[Fault], only: set[int]) -> Iterator[Fault]:
    """Of a plan only these numbers."""
    last = max(only)
    return (fault for fault in islice(faults, last) if fault.n in only)
