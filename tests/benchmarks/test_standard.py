"""The standard workload in miniature, with two windows at once: right as it is, and caught when it is not."""

from __future__ import annotations

import os
from pathlib import Path

import asyncpg

from tests.benchmarks.center import StandardCenter, standard_center
from tests.benchmarks.checker import breaches
from tests.benchmarks.meters import Meter, cpu_seconds, percentile, tree


async def wrong(center: StandardCenter) -> list[str]:
    """What the checker says now."""
    cases = (f"{i:032x}" for i in range(center.submitted))
    return breaches(cases, center.departments, await center.outcome())


async def change(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(sql)
    await connection.close()


async def test_two_windows_decide_each_case_once_and_planted_losses_show(tmp_path: Path) -> None:
    async with standard_center(3, tmp_path, windows=2, offices=1) as center:
        async with Meter(center.roots, center.servers.postgres.url) as measured:
            await center.submit(300)
        numbers = await center.submit(40, rate=40)
        await center.settle()
        assert await wrong(center) == []
        waited = await center.latencies_ms(numbers)
        assert len(waited) == 40
        assert 0 < percentile(waited, 0.5) < 5000
        spent = measured.per_case(300)
        assert set(spent["cpu_by_kind"]) == {"python", "postgresql", "rabbitmq"}
        assert all(value > 0 for value in spent["cpu_by_kind"].values())
        assert 0 < spent["commits"] < 4  # shared: one commit per message would be 7
        await change(center.databases["d02"], "DELETE FROM decisions WHERE seq = 1")
        await change(center.databases["d03"], "INSERT INTO decisions (case_id, outcome, applicant, formed_at) "
                     "SELECT case_id, outcome, applicant, formed_at FROM decisions WHERE seq = 2")  # fmt: skip
        await change(center.databases["intake"], "INSERT INTO decided (case_id, departments, outcome) "
                     "SELECT case_id, departments, outcome FROM decided WHERE seq = 3")  # fmt: skip
        found = await wrong(center)
        assert [each.partition(":")[0] for each in found] == [
            "1 cases decided by the window more than once",
            "1 cases never decided by d02",
            "1 cases decided by d03 more than once",
        ]


def test_a_tree_counts_this_process_and_leaves_out_what_it_is_told_to() -> None:
    assert os.getpid() in tree([os.getpid()])
    assert tree([os.getpid()], without=[os.getpid()]) == []
    before = cpu_seconds([os.getpid()])
    while cpu_seconds([os.getpid()]) < before + 0.05:
        sum(range(100_000))
    assert percentile([1.0, 2.0, 3.0, 4.0], 0.5) == 2.0
    assert percentile([1.0, 2.0, 3.0, 4.0], 0.99) == 4.0
