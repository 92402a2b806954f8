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

``floor``: the same events, as long as they were, between the same services, which say and hear them and do nothing
else (chain_floor): what the backbone alone costs for this chain.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path

from libs.flow import FLOW
from tests.benchmarks import chain_floor
from tests.benchmarks.full_chain_center import CODES, BenchCenter
from tests.benchmarks.full_chain_clicks import Clicks
from tests.benchmarks.meters import Measured
from tests.benchmarks.options import Figures, Options, Result
from tests.benchmarks.servers import seen_processes

DELIVERED = "SELECT count(*) FROM cases WHERE state = 'delivered'"
NOT_HANDLED = "SELECT (SELECT count(*) FROM parked) + (SELECT count(*) FROM set_aside)"
NUMBERED = "SELECT coalesce(max(seq), 0) FROM outbox"
N = len(CODES)
CASES = {"inside": 2000, "http": 800}
QUICK = {"inside": 200, "http": 100}


class Wrong(Exception):
    """The result is not what every case must end in."""


async def run(options: Options) -> Result:
    """The chain alone, the floor under it, and the chain with its people over HTTP."""
    result = Result("full_chain")
    cases = QUICK if options.quick else CASES
    said = options.run_dir / "said.json"
    try:
        measured = {people: await one(options, cases[people], people, said=said) for people in ("inside", "http")}
        below = await floor(options, cases["inside"], said)
    except (Wrong, TimeoutError) as wrong:
        result.breaches.append(f"{type(wrong).__name__}: {wrong}")
        return result
    alone, clicked = measured["inside"], measured["http"]
    details = alone.per_case(cases["inside"])
    details["floor"] = {**below.per_case(cases["inside"]), "cpu_ms": round(below.cpu_ms(cases["inside"]), 3)}
    details["with_http"] = {
        **clicked.per_case(cases["http"]),
        "cases_s": round(cases["http"] / clicked.seconds, 1),
        "cpu_ms": round(clicked.cpu_ms(cases["http"]), 3),
    }
    figures = Figures(N, cases["inside"] / alone.seconds, alone.cpu_ms(cases["inside"]), details)
    result.figures.append(figures)
    return result


async def one(
    options: Options, cases: int, people: str, *, audited: bool = True, said: Path | None = None
) -> Measured:
    """One run of so many cases; what it cost, or Wrong. What was said of a case is written to ``said``."""
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
            said_now = line(cases, f"full_chain people={people}", measured)
            options.tell(said_now.replace("bench ", "measured, not checked yet: ", 1))
            if os.environ.get("BENCH_PROFILE"):
                options.tell(await center.rows_written(cases))
            await check(center, cases, audited)
            if said is not None:
                floor_texts = json.dumps(await center.said(), ensure_ascii=False)
                await asyncio.to_thread(said.write_text, floor_texts, encoding="utf-8")
            return measured


async def floor(options: Options, cases: int, said: Path) -> Measured:
    """As many cases of nothing but talk; what it cost, or Wrong."""
    with seen_processes():
        async with BenchCenter(options.run_dir / "chain_floor", people="inside", said=said) as center:
            center.let_time_run()
            await center.quiet()
            async with center.meter() as measured:
                await center.order("accept", str(cases))
                await center.wait_for("intake", NUMBERED, 8 * cases)
                await center.quiet()
            options.tell(breakdown(cases, measured))
            await check_floor(center, cases)
            return measured


async def check_floor(center: BenchCenter, cases: int) -> None:
    """Every event was said as often as in the chain and heard once by everybody who hears it; Wrong otherwise."""
    for name in center.databases:
        house = name.partition("/")[0]
        times = 1 if house == "review" else N
        spoken = {event: 1 if house == "review" else chain_floor.PER_CASE[event]
                  for event in chain_floor.TYPES if FLOW.rule(event).said_by == house}  # fmt: skip
        heard = {event: chain_floor.PER_CASE[event] * times // N for event in chain_floor.TYPES
                 if house in FLOW.rule(event).heard_by}  # fmt: skip
        for table, wanted in (("outbox", spoken), ("inbox", heard)):
            found = await center.counted(name, f"SELECT type, count(*) FROM {table} GROUP BY type")
            if found != {event: number * cases for event, number in wanted.items()}:
                raise Wrong(f"{name}: {table}: {found}")
        left = await center.value(name, NOT_HANDLED)
        if left:
            raise Wrong(f"{name}: {left} events are not handled")


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
    wanted += [(name, NOT_HANDLED, 0) for name in center.databases]
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


def line(cases: int, what: str, used: Measured) -> str:
    """The line a person and a program read."""
    return (
        f"bench {what} n={N} cases={cases} cases_s={cases / used.seconds:.1f} "
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
    parser.add_argument("--floor", action="store_true", help="then the same talk without the services' work")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        options = Options(Path(folder))
        try:
            said = options.run_dir / "said.json"
            used = asyncio.run(
                one(options, asked.cases, asked.people, audited=not asked.no_audit, said=said)
            )
            below = asyncio.run(floor(options, asked.cases, said)) if asked.floor else None
        except (Wrong, TimeoutError) as wrong:
            print(f"bench full_chain people={asked.people} wrong: {wrong}")
            return 1
    print(line(asked.cases, f"full_chain people={asked.people}", used), flush=True)
    if below is not None:
        print(line(asked.cases, "chain_floor", below), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
