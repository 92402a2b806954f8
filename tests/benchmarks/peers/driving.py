"""What the peers' programs share: the case, the tables, the arrival of cases, the measuring and the checking."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg

from tests.benchmarks.checker import Outcome, breaches
from tests.benchmarks.meters import Meter, percentile

TABLES = """
CREATE TABLE IF NOT EXISTS cases (
  case_id text PRIMARY KEY, submitted_at timestamptz NOT NULL, application text NOT NULL,
  approved_at timestamptz, outcome text, departments text);
CREATE TABLE IF NOT EXISTS decisions (
  case_id text NOT NULL, department text NOT NULL, outcome text NOT NULL,
  decided_at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (case_id, department));
"""
ACCEPT = "INSERT INTO cases (case_id, submitted_at, application) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
DECIDE = "INSERT INTO decisions (case_id, department, outcome) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
APPROVE = """
UPDATE cases SET approved_at = clock_timestamp(), outcome = $2, departments = $3
WHERE case_id = $1 AND approved_at IS NULL
"""
STUCK_S = 90.0
Accept = Callable[[str, dict[str, Any], datetime], Awaitable[None]]


@dataclass
class Orders:
    """What the parent tells a peer's program: sizes, addresses, and what else to measure."""

    n: int
    cases: int
    warm_up: int
    rates: dict[int, int]
    at_once: int
    postgres: str
    amqp: str
    redis: str
    restate_server: str
    run_dir: Path
    roots: dict[str, list[int]]

    @property
    def departments(self) -> list[str]:
        """Their codes."""
        return [f"d{i:02d}" for i in range(1, self.n + 1)]

    @classmethod
    def read(cls) -> Orders:
        """From the file named on the command line."""
        told = json.loads(Path(sys.argv[1]).read_text())
        told["rates"] = {int(rate): cases for rate, cases in told["rates"].items()}
        return cls(**{**told, "run_dir": Path(told["run_dir"])})


def case_id(number: int) -> str:
    """The id of a case."""
    return f"{number:032x}"


def opinion_of(case: str, department: str) -> str:
    """What a department says of a case."""
    return "object" if hashlib.sha256(f"{case}/{department}".encode()).digest()[0] < 4 else "consent"


def application(number: int) -> dict[str, Any]:
    """An application of about 1.1 KiB."""
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    return {
        "application_no": f"AL-2026-{number:06d}",
        "item_code": "road-occupation",
        "applicant": {"name": f"Applicant {number}", "id_number": digest[:18], "phone": f"138{number:08d}"},
        "facts": {"place": f"Bridge Street {number % 77}", "purpose": "Scaffolding for repairs. " * 12},
        "materials": [{"name": f"Drawing {i}", "sha256": digest} for i in range(5)],
    }


@contextlib.contextmanager
def workers(commands: Sequence[Sequence[str]], run_dir: Path, env: dict[str, str]) -> Iterator[list[int]]:
    """Child processes for as long as the context lasts; their pids."""
    started = []
    try:
        for i, command in enumerate(commands):
            with (run_dir / f"worker-{i}.log").open("ab") as log:
                started.append(
                    subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                     env={**os.environ, **env})
                )  # fmt: skip
        yield [each.pid for each in started]
    finally:
        for each in started:
            each.terminate()
        for each in started:
            try:
                each.wait(20)
            except subprocess.TimeoutExpired:
                each.kill()
                each.wait()


@contextlib.asynccontextmanager
async def database(orders: Orders) -> AsyncIterator[asyncpg.Pool]:
    """The one database of a peer, with its tables."""
    async with asyncpg.create_pool(orders.postgres, min_size=2, max_size=4) as pool:
        await pool.execute(TABLES)
        yield pool


class Driver:
    """Hands in cases and waits for their approval, as the standard workload does."""

    def __init__(
        self, orders: Orders, pool: asyncpg.Pool, accept: Accept, approved: str | None = None
    ) -> None:
        self._orders = orders
        self._pool = pool
        self._accept = accept
        self._approved = (
            approved or "SELECT count(*) FROM cases WHERE approved_at IS NOT NULL AND case_id >= $1"
        )
        self._submitted = 0

    async def submit(self, cases: int, rate: float | None = None) -> range:
        """``at_once`` acceptances at a time from a backlog, or an open loop at ``rate`` per second."""
        numbers = range(self._submitted, self._submitted + cases)
        self._submitted += cases
        if rate is None:
            left = iter(numbers)

            async def one_after_the_other() -> None:
                for number in left:
                    await self._accept(case_id(number), application(number), datetime.now(UTC))

            await asyncio.gather(*(one_after_the_other() for _ in range(self._orders.at_once)))
        else:
            await self._at_rate(numbers, rate)
        await self._wait(numbers)
        return numbers

    async def _at_rate(self, numbers: range, rate: float) -> None:
        begin, begin_utc = time.monotonic(), time.time()
        running = []
        for i, number in enumerate(numbers):
            while (early := begin + i / rate - time.monotonic()) > 0:
                await asyncio.sleep(early)
            due = datetime.fromtimestamp(begin_utc + i / rate, UTC)
            accepting = self._accept(case_id(number), application(number), due)
            running.append(asyncio.ensure_future(accepting))
        await asyncio.gather(*running)

    async def _wait(self, numbers: range) -> None:
        before, moved = -1, time.monotonic()
        while (now := await self._pool.fetchval(self._approved, case_id(numbers.start))) < len(numbers):
            if now != before:
                before, moved = now, time.monotonic()
            elif time.monotonic() - moved > STUCK_S:
                raise RuntimeError(
                    f"{now} of {len(numbers)} cases are approved, and none for {STUCK_S:.0f} s"
                )
            await asyncio.sleep(0.1)

    async def figures(self) -> dict[str, Any]:
        """Warm up, then the backlog, then the arrival rates; all checked."""
        orders = self._orders
        roots = {"python": [os.getpid()], **orders.roots}
        await self.submit(orders.warm_up)
        async with Meter(roots, orders.postgres) as measured:
            await self.submit(orders.cases)
        details = measured.per_case(orders.cases)
        for rate, cases in orders.rates.items():
            numbers = await self.submit(cases, rate)
            rows = await self._pool.fetch(
                "SELECT extract(epoch FROM approved_at - submitted_at) * 1000 FROM cases "
                "WHERE case_id BETWEEN $1 AND $2", case_id(numbers.start), case_id(numbers.stop - 1),
            )  # fmt: skip
            waited = [float(row[0]) for row in rows]
            details[f"p50_ms_at_{rate}"] = round(percentile(waited, 0.5), 1)
            details[f"p99_ms_at_{rate}"] = round(percentile(waited, 0.99), 1)
        return {
            "cases_s": orders.cases / measured.seconds,
            "cpu_ms": measured.cpu_ms(orders.cases),
            "details": details,
            "submitted": self._submitted,
        }


async def check(orders: Orders, pool: asyncpg.Pool, submitted: int, approved: str, decided: str) -> list[str]:
    """The checker's word on what the database holds; the two queries give its rows."""
    rows = [(row[0], (row[1] or "").split(","), row[2]) for row in await pool.fetch(approved)]
    by: dict[str, list[tuple[str, str]]] = {}
    for row in await pool.fetch(decided):
        by.setdefault(row[0], []).append((row[1], row[2]))
    return breaches((case_id(i) for i in range(submitted)), orders.departments, Outcome(rows, by))


APPROVED = "SELECT case_id, departments, outcome FROM cases WHERE approved_at IS NOT NULL"
DECIDED = "SELECT department, case_id, outcome FROM decisions"


def joined(said: dict[str, str]) -> tuple[str, str]:
    """(outcome, departments) of a case whose departments said so."""
    outcome = "granted" if all(each == "consent" for each in said.values()) else "refused"
    return outcome, ",".join(sorted(said))


async def drive(orders: Orders, pool: asyncpg.Pool, accept: Accept) -> None:
    """Run, check, and print the line the parent reads."""
    figures = await Driver(orders, pool, accept).figures()
    figures["breaches"] = await check(orders, pool, figures["submitted"], APPROVED, DECIDED)
    print(json.dumps(figures), flush=True)
