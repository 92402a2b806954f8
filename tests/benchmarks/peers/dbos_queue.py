"""DBOS: two processes serve the queues; cases are enqueued by the client's process, one of the two."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from datetime import datetime
from typing import Any

from tests.benchmarks.peers.driving import ACCEPT, Orders, database, drive, workers


async def main() -> None:
    """One run."""
    orders = Orders.read()
    env = {"BENCH_POSTGRES": orders.postgres, "BENCH_DBOS": orders.postgres}
    os.environ.update(env)
    from tests.benchmarks.peers import dbos_cases

    async with database(orders) as pool:
        await asyncio.to_thread(dbos_cases.launch, "first")

        def enqueue(case: str, application: dict[str, Any]) -> None:
            queued = (dbos_cases.CASES, dbos_cases.handle_case)
            dbos_cases.DBOS.enqueue_workflow(*queued, case, application, orders.departments)

        async def accept(case: str, application: dict[str, Any], submitted_at: datetime) -> None:
            await pool.execute(ACCEPT, case, submitted_at, str(application))
            await asyncio.to_thread(enqueue, case, application)

        with workers([[sys.executable, "-m", __spec__.name, "worker"]], orders.run_dir, env):
            await drive(orders, pool, accept)
    os._exit(0)  # DBOS's threads poll for ever


def serve() -> None:
    """The second process."""
    from tests.benchmarks.peers import dbos_cases

    dbos_cases.launch("second")
    threading.Event().wait()


if __name__ == "__main__":
    serve() if sys.argv[1] == "worker" else asyncio.run(main())
