"""Does a service grow? A million events through the standard workload, and its memory after every tenth."""

from __future__ import annotations

from typing import Any

from tests.benchmarks.center import StandardCenter, standard_center
from tests.benchmarks.checker import breaches
from tests.benchmarks.meters import Meter
from tests.benchmarks.options import Figures, Options, Result

N = 4
EVENTS = 1_000_000  # heard by the window: N per case
PARTS = 10
MOST_GROWTH = 0.05  # from the third tenth to the last: caches are full and pools are warm by then
QUICK = 200


async def run(options: Options) -> Result:
    """One center, ten equal parts; a breach when any process has grown."""
    cases = EVENTS // N // PARTS // (QUICK if options.quick else 1)
    samples: list[dict[str, int]] = []
    async with standard_center(N, options.folder("memory")) as center:
        async with Meter(center.roots, center.servers.postgres.url) as measured:
            for part in range(PARTS):
                await center.submit(cases)
                await center.settle()
                samples.append(await _resident(center))
                options.tell(f"memory: {(part + 1) * cases * N} events, {samples[-1]}")
        wrong = breaches(
            (f"{i:032x}" for i in range(center.submitted)), center.departments, await center.outcome()
        )
    growth = {name: round(samples[-1][name] / samples[2][name] - 1, 4) for name in samples[0]}
    grown = [] if options.quick else [name for name, share in growth.items() if share > MOST_GROWTH]
    details: dict[str, Any] = {**measured.per_case(cases * PARTS), "resident_mib": samples, "growth": growth}
    figures = Figures(N, cases * PARTS / measured.seconds, measured.cpu_ms(cases * PARTS), details)
    return Result(
        "memory",
        [figures],
        [*wrong, *(f"{name} has grown by {growth[name]:.1%}" for name in grown)],
        [f"growth from the third tenth to the last: {growth}"],
    )


async def _resident(center: StandardCenter) -> dict[str, int]:
    """MiB of every process of ours."""
    children = [*center.windows, *center.offices]
    return {child.name: (await child.ask(do="memory"))["resident"] >> 20 for child in children}
