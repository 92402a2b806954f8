"""The naive FastStream service: one process for the window, up to four for the departments."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import datetime
from typing import Any

import aio_pika
import asyncpg

from tests.benchmarks.peers import naive_houses as houses
from tests.benchmarks.peers.driving import APPROVED, Driver, Orders, check, workers

PROCESSES = 4


async def _databases(orders: Orders) -> dict[str, str]:
    """A database per department, as the standard workload has them."""
    made = {}
    admin = await asyncpg.connect(orders.postgres)
    for name in orders.departments:
        await admin.execute(f"CREATE DATABASE {name}")
        made[name] = f"{orders.postgres.rpartition('/')[0]}/{name}"
        sessions = houses.sessions_of(made[name])
        await houses.create_tables(sessions)
        await sessions.kw["bind"].dispose()
    await admin.close()
    return made


async def _listening(orders: Orders) -> None:
    """Return when every department's queue has its consumer: what is published before would be lost."""
    connection = await aio_pika.connect(orders.amqp)
    async with connection, asyncio.timeout(60):
        for name in orders.departments:
            while True:
                channel = await connection.channel()
                try:
                    found = await channel.declare_queue(f"review.{name}", passive=True)
                    if found.declaration_result.consumer_count:
                        break
                except aio_pika.exceptions.ChannelClosed:
                    await asyncio.sleep(0.1)


async def main() -> None:
    """One run."""
    orders = Orders.read()
    databases = await _databases(orders)
    sessions = houses.sessions_of(orders.postgres, 10)
    await houses.create_tables(sessions)
    env = {"BENCH_AMQP": orders.amqp, **{f"BENCH_DATABASE_{name}": url for name, url in databases.items()}}
    spread = [orders.departments[i::PROCESSES] for i in range(min(PROCESSES, orders.n))]
    module = "tests.benchmarks.peers.naive_houses"
    commands = [[sys.executable, "-m", module, ",".join(names)] for names in spread]
    broker = houses.window(orders.amqp, sessions)
    await broker.start()
    relay = asyncio.create_task(houses.relay(sessions, broker))

    async def accept(case: str, application: dict[str, Any], submitted_at: datetime) -> None:
        await houses.accept_case(sessions, case, application, submitted_at, orders.departments)

    async with asyncpg.create_pool(orders.postgres, min_size=1, max_size=2) as pool:
        with workers(commands, orders.run_dir, env):
            await _listening(orders)
            figures = await Driver(orders, pool, accept).figures()
        decided: list[str] = []
        for name, url in databases.items():
            connection = await asyncpg.connect(url)
            rows = await connection.fetch("SELECT case_id, outcome FROM own_decisions")
            await connection.close()
            decided += [f"('{name}', '{row[0]}', '{row[1]}')" for row in rows]
        figures["breaches"] = await check(
            orders, pool, figures["submitted"], APPROVED, f"VALUES {', '.join(decided)}"
        )
    relay.cancel()
    await broker.stop()
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
