"""The full chain: five real services, from acceptance through four parallel opinions to the delivered permit.

What is driven: cases that were received before lie as a backlog; from the first acceptance to the last event
heard everything is measured. Per case: acceptance (signed voucher), four review requests, four signed opinions,
fan-in and decision by unanimous consent, the bill by the published tariff, its payment, the permit, its
delivery, three leaves of the public log with their proofs, and supervision's own file and recomputation of all
of it: 17 events, 40 deliveries. The services are the real ones as the launcher starts them, each with its own
durable database, over one durable broker with quorum queues.

``people=inside``: seven acts per case (accept, four opinions, pay, take delivery) are done by the services' own
handlers in the shared commits, without the HTTP door before them: the chain alone. ``people=http``: the same
acts come as HTTP requests with token, validation and client key. The CPU of whoever sends them is not counted.
CPU is user and system time of every process of services, PostgreSQL and RabbitMQ, from the kernel's own count.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.full_chain_center import CODES, BenchCenter
from tests.benchmarks.full_chain_clicks import Clicks
from tests.benchmarks.meters import Measured
from tests.benchmarks.options import Figures, Options, Result
from tests.benchmarks.servers import seen_processes

DELIVERED = "SELECT count(*) FROM cases WHERE state = 'delivered'"
N = len(CODES)
CASES = {"inside": 2000, "http": 800}
QUICK = {"inside": 200, "http": 100}


class Wrong(Exception):
    """The result is not what every case must end in."""


async def run(options: Options) -> Result:
    """The chain alone, and the chain with its people over HTTP."""
    result = Result("full_chain")
    cases = QUICK if options.quick else CASES
    try:
        measured = {people: await one(options, cases[people], people) for people in ("inside", "http")}
    except (Wrong, TimeoutError) as wrong:
        result.breaches.append(f"{type(wrong).__name__}: {wrong}")
        return result
    alone, clicked = measured["inside"], measured["http"]
    details = alone.per_case(cases["inside"])
    details["with_http"] = {
        **clicked.per_case(cases["http"]),
        "cases_s": round(cases["http"] / clicked.seconds, 1),
        "cpu_ms": round(clicked.cpu_ms(cases["http"]), 3),
    }
    figures = Figures(N, cases["inside"] / alone.seconds, alone.cpu_ms(cases["inside"]), details)
    result.figures.append(figures)
    return result


async def one(options: Options, cases: int, people: str, *, audited: bool = True) -> Measured:
    """One run of so many cases; what it cost, or Wrong."""
    folder = options.run_dir / f"full_chain-{people}"
    with seen_processes():
        async with BenchCenter(folder, people=people) as center:
            await center.publish()
            await center.order("file", str(cases))
            await center.quiet()
            options.tell(f"full chain, people {people}: {cases} cases are received")
            center.begin_profiles()
            async with center.meter() as measured:
                if people == "inside":
                    await center.order("accept")
                    await center.wait_for("intake", DELIVERED, cases)
                else:
                    await Clicks(center).all_to_the_end(cases)
                await center.quiet()
            options.tell(breakdown(cases, measured))
            options.tell(line(cases, people, measured).replace("bench ", "measured, not checked yet: ", 1))
            if os.environ.get("BENCH_PROFILE"):
                options.tell(await center.rows_written(cases))
            await check(center, cases, audited)
            return measured


async def check(center: BenchCenter, cases: int, audited: bool) -> None:
    """Every case ended as it must, in every database; Wrong tells what did not."""
    if center.watch.restarts:
        raise Wrong(f"ended by themselves: {center.watch.restarts}\n{center.complaints()}")
    wanted: list[tuple[str, str, int]] = [
        ("intake", DELIVERED, cases),
        ("intake", "SELECT count(*) FROM cases", cases),
        ("intake", "SELECT count(*) FROM documents WHERE kind = 'decision'", cases),
        ("intake", "SELECT count(*) FROM documents WHERE kind = 'permit'", cases),
        ("intake", f"SELECT count(*) FROM (SELECT case_id FROM reviews WHERE outcome = 'consent' "
                   f"GROUP BY case_id HAVING count(*) = {N}) AS whole", cases),
        ("intake", "SELECT count(*) FROM reviews", N * cases),
        ("intake", "SELECT count(*) FROM proofs WHERE subject <> 'catalogue' "
                   "AND subject IN (SELECT case_id FROM cases)", 4 * cases),
        ("fee", "SELECT count(DISTINCT case_id) FROM bills", cases),
        ("fee", "SELECT count(*) FROM settlements", cases),
        ("disclosure", "SELECT count(*) FROM (SELECT subject FROM leaves WHERE record_kind IN "
                       "('voucher', 'decision', 'bill') GROUP BY subject HAVING count(*) = 4) AS whole", cases),
        ("supervision", "SELECT count(*) FROM cases WHERE state = 'delivered'", cases),
        ("supervision", "SELECT count(*) FROM findings", 0),
        ("supervision", "SELECT count(*) FROM cards", 0),
    ]  # fmt: skip
    wanted += [
        (name, "SELECT (SELECT count(*) FROM parked) + (SELECT count(*) FROM set_aside)", 0)
        for name in center.databases
    ]
    for house, sql, number in wanted:
        found = await center.value(house, sql)
        if found != number:
            raise Wrong(f"{house}: {found}, not {number}: {sql}")
    if audited:
        await _audited(center)


async def _audited(center: BenchCenter) -> None:
    report = await center.audit()
    if not report.clean:
        breaches = [
            f"{each.invariant}: {list(each.breaches)[:3]}" for each in report.findings if each.breaches
        ]
        raise Wrong(f"the audit: {breaches}")


def line(cases: int, people: str, used: Measured) -> str:
    """The line a person and a program read."""
    return (
        f"bench full_chain people={people} n={N} cases={cases} cases_s={cases / used.seconds:.1f} "
        f"cpu_ms={used.cpu_ms(cases):.2f} commits={used.commits / cases:.3f} "
        f"wal_kib={used.wal_bytes / cases / 1024:.1f} other_cores={used.other_cpu_s / used.seconds:.2f}"
    )


def breakdown(cases: int, used: Measured) -> str:
    """CPU milliseconds per case by who used them."""
    per = sorted(((1000 * cpu / cases, name) for name, cpu in used.cpu_s.items()), reverse=True)
    return "  " + "  ".join(f"{name} {value:.2f}" for value, name in per)


def main() -> int:
    """Run and print; status 1 when a result is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.full_chain", description=__doc__)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--people", choices=("inside", "http"), default="inside")
    parser.add_argument("--no-audit", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        options = Options(Path(folder))
        try:
            used = asyncio.run(one(options, asked.cases, asked.people, audited=not asked.no_audit))
        except (Wrong, TimeoutError) as wrong:
            print(f"bench full_chain people={asked.people} wrong: {wrong}")
            return 1
    print(line(asked.cases, asked.people, used), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
