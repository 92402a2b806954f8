"""Celery: the client library hands in a chord per case; one worker with as many processes as there are cores."""

from __future__ import annotations

import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from tests.benchmarks.peers.driving import ACCEPT, Orders, database, drive, workers


async def main() -> None:
    """One run."""
    orders = Orders.read()
    env = {"BENCH_AMQP": orders.amqp, "BENCH_REDIS": orders.redis, "BENCH_POSTGRES": orders.postgres}
    os.environ.update(env)
    from celery import chord

    from tests.benchmarks.peers.celery_tasks import approve, decide

    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "tests.benchmarks.peers.celery_tasks",
        "worker",
        "-l",
        "warning",
    ]
    threads = ThreadPoolExecutor(1)

    def hand_in(case: str, application: dict[str, Any]) -> None:
        header = [decide.s(case, application, department) for department in orders.departments]
        chord(header)(approve.s(case))

    async with database(orders) as pool:

        async def accept(case: str, application: dict[str, Any], submitted_at: datetime) -> None:
            await pool.execute(ACCEPT, case, submitted_at, str(application))
            await asyncio.get_running_loop().run_in_executor(threads, hand_in, case, application)

        with workers([command], orders.run_dir, env):
            await drive(orders, pool, accept)


if __name__ == "__main__":
    asyncio.run(main())
