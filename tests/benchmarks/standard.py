"""The standard workload: accept, N departments decide durably, fan-in, decided; on the product's backbone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.benchmarks.center import StandardCenter, Stuck, standard_center
from tests.benchmarks.checker import breaches
from tests.benchmarks.meters import Meter, percentile
from tests.benchmarks.options import Figures, Options, Result

RATES = (20, 200)
RATE_S = 15.0
WARM_UP = 1200  # opinions
BACKLOG = 96_000  # opinions: 24,000 cases of 4 departments
QUICK = 50  # times fewer
WINDOWS = 2  # one process of the window per core of the machine the figures are asked for
MOST_OF_SATURATED = 0.8  # an arrival rate above this share of what is possible measures only the queue


async def run(options: Options) -> Result:
    """Every size, each on servers of its own."""
    result = Result("standard")
    for n in options.departments:
        options.tell(f"standard n={n}: starting")
        folder = options.folder(f"standard-{n}")
        try:
            figures, wrong = await _one_size(n, folder, options)
        except Stuck as stuck:
            result.breaches.append(f"standard n={n}: {stuck}")
            continue
        result.figures.append(figures)
        result.breaches += [f"standard n={n}: {each}" for each in wrong]
        options.tell(f"standard n={n}: {figures.cases_s:.0f} cases/s, {figures.cpu_ms:.2f} ms CPU per case")
    result.notes += _slope(result)
    return result


async def _one_size(n: int, folder: Path, options: Options) -> tuple[Figures, list[str]]:
    cases = BACKLOG // n // (QUICK if options.quick else 1)
    async with standard_center(n, folder, windows=WINDOWS) as center:
        await center.submit(max(8, WARM_UP // n))
        await center.settle()
        async with Meter(center.roots, center.servers.postgres.url) as measured:
            await center.submit(cases)
        details = measured.per_case(cases)
        rate = cases / measured.seconds
        for arrivals in RATES:
            details.update(await _latencies(center, arrivals, rate, options))
        await center.settle()
        wrong = breaches(
            (f"{i:032x}" for i in range(center.submitted)), center.departments, await center.outcome()
        )
    return Figures(n, rate, measured.cpu_ms(cases), details), wrong


async def _latencies(
    center: StandardCenter, arrivals: int, saturated: float, options: Options
) -> dict[str, Any]:
    if arrivals > MOST_OF_SATURATED * saturated:
        return {f"p50_ms_at_{arrivals}": None, f"p99_ms_at_{arrivals}": None}
    cases = int(arrivals * (RATE_S / 5 if options.quick else RATE_S))
    async with Meter(center.roots, None) as measured:
        numbers = await center.submit(cases, arrivals)
    waited = await center.latencies_ms(numbers)
    return {
        f"p50_ms_at_{arrivals}": round(percentile(waited, 0.5), 1),
        f"p99_ms_at_{arrivals}": round(percentile(waited, 0.99), 1),
        f"cpu_ms_at_{arrivals}": round(measured.cpu_ms(cases), 2),
        f"other_cores_at_{arrivals}": round(measured.other_cpu_s / measured.seconds, 2),
    }


def slope(result: Result, low: int = 16, high: int = 64) -> float | None:
    """CPU milliseconds each department more costs a case, between two sizes."""
    small, big = result.of(low), result.of(high)
    return (big.cpu_ms - small.cpu_ms) / (high - low) if small and big else None


def _slope(result: Result) -> list[str]:
    found = slope(result)
    return (
        [] if found is None else [f"growth between 16 and 64 departments: {found:.3f} ms CPU per department"]
    )
