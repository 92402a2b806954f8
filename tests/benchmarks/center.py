"""The standard workload's own center for one N: durable servers, a database per house, the processes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import sqlalchemy as sa

from deploy.contracts.broker_definitions import broker_definitions
from libs.database import open_engine
from tests.benchmarks import story
from tests.benchmarks.checker import Outcome
from tests.benchmarks.processes import TalkingChild, python
from tests.benchmarks.servers import Servers, servers

DEPARTMENT_PROCESSES = 2  # as many as cores, as the window and the peers have
STUCK_S = 60.0
_DECIDED_SO_FAR = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM decided_seq_seq"
_UNSENT = "SELECT count(*) FROM unsent"
_LATENCIES = """
SELECT extract(epoch FROM d.decided_at - c.submitted_at) * 1000
FROM decided d JOIN cases c USING (case_id) WHERE case_id BETWEEN $1 AND $2
"""


class Stuck(Exception):
    """Nothing was decided for a minute though cases wait."""


@dataclass
class StandardCenter:
    """A running center of the standard workload."""

    departments: list[str]
    servers: Servers
    databases: dict[str, str]
    windows: list[TalkingChild]
    offices: list[TalkingChild]
    submitted: int = 0

    @property
    def roots(self) -> dict[str, Sequence[int]]:
        """For `Meter`."""
        return {"python": [child.pid for child in [*self.windows, *self.offices]], **self.servers.roots}

    async def submit(self, cases: int, rate: float | None = None) -> range:
        """Hand in ``cases`` new cases and wait until all are decided; returns their numbers."""
        numbers = range(self.submitted, self.submitted + cases)
        self.submitted += cases
        accepting = asyncio.create_task(self._hand_in(numbers, rate))
        try:
            await self._decided(self.submitted, accepting)
            await accepting
        finally:
            accepting.cancel()
        return numbers

    async def _hand_in(self, numbers: range, rate: float | None) -> None:
        """Every window takes its part; at a rate they take turns, so that cases come one by one as at the peers."""
        share = -(-len(numbers) // len(self.windows))
        parts = [numbers[i : i + share] for i in range(0, len(numbers), share)]
        asked = [
            window.ask(
                do="accept", first=part.start, cases=len(part), departments=self.departments,
                **({"after_s": turn / rate, "every_s": len(parts) / rate} if rate else {}),
            )
            for turn, (window, part) in enumerate(zip(self.windows, parts, strict=False))
        ]  # fmt: skip
        await asyncio.gather(*asked)

    async def _decided(self, total: int, accepting: asyncio.Task[None]) -> None:
        connection = await asyncpg.connect(self.databases["intake"])
        try:
            before, moved = -1, time.monotonic()
            while (now := int(await connection.fetchval(_DECIDED_SO_FAR))) < total:
                if accepting.done() and accepting.exception():
                    return
                if now != before:
                    before, moved = now, time.monotonic()
                elif time.monotonic() - moved > STUCK_S:
                    raise Stuck(f"{now} of {total} cases are decided, and none for {STUCK_S:.0f} s")
                await asyncio.sleep(0.05)
        finally:
            await connection.close()

    async def latencies_ms(self, numbers: range) -> list[float]:
        """From submission to decision, of these cases."""
        connection = await asyncpg.connect(self.databases["intake"])
        try:
            rows = await connection.fetch(_LATENCIES, f"{numbers.start:032x}", f"{numbers.stop - 1:032x}")
            return [float(row[0]) for row in rows]
        finally:
            await connection.close()

    async def settle(self) -> None:
        """Return when every house is idle and has marked what was sent (the checker names what it has not)."""
        until = time.monotonic() + STUCK_S
        while not all([(await child.ask(do="idle"))["idle"] for child in [*self.windows, *self.offices]]):
            if time.monotonic() > until:
                raise Stuck("a house does not come to rest")
            await asyncio.sleep(0.1)
        for name in self.databases:
            while (await self._rows(name, _UNSENT))[0][0] and time.monotonic() < until:
                await asyncio.sleep(0.1)

    async def outcome(self) -> Outcome:
        """What the databases hold."""
        decided = await self._rows("intake", "SELECT case_id, departments, outcome FROM decided")
        decisions = {
            department: await self._rows(department, "SELECT case_id, outcome FROM decisions")
            for department in self.departments
        }
        left: dict[str, int] = {}
        for name in self.databases:
            for table in ("parked", "set_aside", "unsent"):
                (count,) = (await self._rows(name, f"SELECT count(*) FROM {table}"))[0]
                left[f"rows in {name}'s {table}"] = count
        return Outcome([(case, by.split(","), said) for case, by, said in decided], decisions, left)

    async def _rows(self, name: str, sql: str) -> list[Any]:
        connection = await asyncpg.connect(self.databases[name])
        try:
            return [tuple(row) for row in await connection.fetch(sql)]
        finally:
            await connection.close()


async def _create(admin_url: str, name: str, tables: sa.MetaData) -> str:
    """A database as superuser: rights are not what is measured here."""
    admin = await asyncpg.connect(admin_url)
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    url = f"{admin_url.rpartition('/')[0]}/{name}"
    engine = open_engine(url, "benchmark")
    async with engine.begin() as connection:
        await connection.run_sync(tables.create_all)
    await engine.dispose()
    return url


async def _databases(admin_url: str, departments: Sequence[str]) -> dict[str, str]:
    made = {"intake": await _create(admin_url, "intake", story.INTAKE)}
    first = departments[0]
    made[first] = await _create(admin_url, first, story.REVIEW)
    admin = await asyncpg.connect(admin_url)
    for department in departments[1:]:
        await admin.execute(f"CREATE DATABASE {department} TEMPLATE {first}")
        made[department] = f"{admin_url.rpartition('/')[0]}/{department}"
    await admin.close()
    return made


@contextlib.asynccontextmanager
async def standard_center(
    n: int, run_dir: Path, *, windows: int = 1, offices: int = DEPARTMENT_PROCESSES
) -> AsyncIterator[StandardCenter]:
    """Up on entry, everything ended on exit: so many processes for the window's queue and for the departments."""
    departments = [f"d{i:02d}" for i in range(1, n + 1)]
    accounts = [story.STORY.queue("intake"), *(story.STORY.queue("review", each) for each in departments)]
    passwords = {account: secrets.token_urlsafe(12) for account in accounts}
    definitions = broker_definitions(story.STORY, departments, passwords)
    async with contextlib.AsyncExitStack() as stack:
        opened = servers(definitions, run_dir)
        own = await asyncio.to_thread(opened.__enter__)
        stack.push_async_callback(asyncio.to_thread, opened.__exit__, None, None, None)
        databases = await _databases(own.postgres.url, departments)

        def orders(service: str, department: str | None = None) -> dict[str, Any]:
            account = story.STORY.queue(service, department)
            return {
                "service": service, "department": department, "database": databases[department or "intake"],
                "broker": own.broker.address(account, passwords[account]),
            }  # fmt: skip

        async def child(name: str, houses: list[dict[str, Any]]) -> TalkingChild:
            path = run_dir / f"{name}.json"
            path.touch(mode=0o600)
            path.write_text(json.dumps({"name": name, "houses": houses}))
            made = TalkingChild(name, python("tests.benchmarks.house", str(path)), run_dir)
            stack.push_async_callback(made.stop)
            await made.start()
            return made

        spread = [departments[i::offices] for i in range(min(n, offices))]
        backs = [
            child(f"departments-{i + 1}", [orders("review", each) for each in part])
            for i, part in enumerate(spread)
        ]
        fronts = [child(f"intake-{i + 1}", [orders("intake")]) for i in range(windows)]
        started = await asyncio.gather(*fronts, *backs)
        yield StandardCenter(departments, own, databases, started[:windows], started[windows:])
