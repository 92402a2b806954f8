"""The HTTP door: applications filed through intake's real door, a hundred clients at once, durably.

Each request carries an access token of the identity provider, a client key of its own and a body of about
1.1 KiB; the door checks token, right, body and key, intake gives a number, signs the voucher, asks four
departments and says five events, and the answer comes after the commit. The other services are held (SIGSTOP)
while the door is measured, so that the two cores are the door's, the database's and the broker's; they go on
afterwards, and everything that was said must arrive. The clients' CPU is not counted, but takes its share of the
cores: so `cpu_ms` is the figure to compare, `requests_s` is what the machine gave.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.full_chain import Wrong
from tests.benchmarks.full_chain_center import CODES, BenchCenter
from tests.benchmarks.full_chain_people import application
from tests.benchmarks.http_door_client import Answered, Door, text
from tests.benchmarks.meters import Measured, percentile
from tests.benchmarks.options import Figures, Options, Result
from tests.benchmarks.servers import seen_processes

CLIENTS = 100
REQUESTS = 10_000
QUICK = 500
WARM = 300
PATH = "/api/applications"


async def run(options: Options) -> Result:
    """Files applications and measures the door."""
    result = Result("http_door")
    try:
        result.figures.append(await measure(options, QUICK if options.quick else REQUESTS))
    except (Wrong, Answered, TimeoutError, ConnectionError) as wrong:
        result.breaches.append(f"{type(wrong).__name__}: {wrong}")
    return result


async def measure(options: Options, requests: int) -> Figures:
    """One run of so many requests; Wrong when what came out is not right."""
    with seen_processes():
        async with BenchCenter(options.run_dir / "http_door", people="away") as center:
            await center.publish()
            async with center.cast() as cast, Door(cast.site("intake"), CLIENTS) as door:
                token = await cast.token("applicant-01")
                filed = await _file(door, token, WARM, [])
                await center.quiet()
                with _others_held(center):
                    center.begin_profiles()
                    seconds: list[float] = []
                    async with center.meter() as measured:
                        filed += await _file(door, token, requests, seconds)
                    await _same_key_same_answer(door, token)
            await center.quiet()
            await check(center, filed)
    return _figures(requests, measured, seconds)


async def _file(door: Door, token: str, requests: int, seconds: list[float]) -> list[str]:
    """Every client files one application after the other; the case ids that were answered."""
    body = text(application())
    left = iter(range(requests))
    filed: list[str] = []

    async def client() -> None:
        for _ in left:
            begun = time.perf_counter()
            answer = await door.post(PATH, token, uuid.uuid4().hex, body)
            seconds.append(time.perf_counter() - begun)
            filed.append(json.loads(answer)["case_id"])

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return filed


async def _same_key_same_answer(door: Door, token: str) -> None:
    """A request sent again under its key gets the same bytes (its one case is not in the count)."""
    key, body = uuid.uuid4().hex, text(application())
    first = await door.post(PATH, token, key, body)
    if any([await door.post(PATH, token, key, body) != first for _ in range(3)]):
        raise Wrong("the same client key got another answer")


@contextmanager
def _others_held(center: BenchCenter) -> Iterator[None]:
    others = [
        running.pid for name, running in center.processes.running.items() if name != "intake" and running.pid
    ]
    for pid in others:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in others:
            os.kill(pid, signal.SIGCONT)


async def check(center: BenchCenter, filed: list[str]) -> None:
    """Every accepted application is one case, every event left the outbox and was heard."""
    if len(set(filed)) != len(filed):
        raise Wrong("two requests got the same case")
    number = len(filed) + 1  # and the one of the repeated key
    checks = [
        ("SELECT count(*) FROM cases", number),
        ("SELECT count(DISTINCT application_no) FROM cases", number),
        ("SELECT count(*) FROM answers", number),
        ("SELECT count(*) FROM outbox WHERE type = 'intake.application_received.v1'", number),
        (
            "SELECT count(*) FROM outbox WHERE type = 'intake.completeness_check_requested.v1'",
            number * len(CODES),
        ),
    ]
    for sql, wanted in checks:
        if (found := await center.value("intake", sql)) != wanted:
            raise Wrong(f"{found}, not {wanted}: {sql}")
    missing = await center.value(
        "intake", "SELECT count(*) FROM unnest($1::text[]) AS f(id) WHERE id NOT IN (SELECT case_id FROM cases)",
        filed,
    )  # fmt: skip
    if missing:
        raise Wrong(f"{missing} answered applications are no cases")
    await center.wait_for("intake", "SELECT -count(*) FROM unsent", 0)
    heard = await center.value(
        "supervision", "SELECT count(*) FROM inbox WHERE type = 'intake.application_received.v1'"
    )
    if heard != number:
        raise Wrong(f"supervision heard of {heard} of {number} applications")


def _figures(requests: int, measured: Measured, seconds: list[float]) -> Figures:
    details = measured.per_case(requests)
    details["p50_ms"] = round(1000 * percentile(seconds, 0.50), 1)
    details["p99_ms"] = round(1000 * percentile(seconds, 0.99), 1)
    details["clients"] = CLIENTS
    return Figures(len(CODES), requests / measured.seconds, measured.cpu_ms(requests), details)


def line(figures: Figures) -> str:
    """The line a person and a program read."""
    of = figures.details
    return (
        f"bench http_door clients={CLIENTS} requests={of['cases']} requests_s={figures.cases_s:.0f} "
        f"p50_ms={of['p50_ms']} p99_ms={of['p99_ms']} cpu_ms={figures.cpu_ms:.2f} "
        f"commits={of['commits']} other_cores={of['other_cores']}"
    )


def main() -> int:
    """Run and print; status 1 when what came out is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.http_door", description=__doc__)
    parser.add_argument("--requests", type=int, default=REQUESTS)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            figures = asyncio.run(measure(Options(Path(folder)), asked.requests))
        except (Wrong, Answered, TimeoutError, ConnectionError) as wrong:
            print(f"bench http_door wrong: {type(wrong).__name__}: {wrong}")
            return 1
    print("  " + "  ".join(f"{name} {value:.2f}" for name, value in figures.details["cpu_by_kind"].items()))
    print(line(figures), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
