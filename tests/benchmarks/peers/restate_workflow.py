"""Restate: its server, two hypercorn workers, and cases handed in through its HTTP ingress."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from datetime import datetime
from typing import Any

import httpx

from tests.benchmarks.peers.driving import ACCEPT, Orders, database, drive, workers


def _ports(count: int) -> list[int]:
    found = []
    for _ in range(count):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            found.append(probe.getsockname()[1])
    return found


async def _until(client: httpx.AsyncClient, method: str, url: str, **content: Any) -> None:
    """Ask until the answer is a success."""
    until = time.monotonic() + 60
    answer = "no answer"
    while time.monotonic() < until:
        try:
            response = await client.request(method, url, **content)
            if response.is_success:
                return
            answer = response.text
        except httpx.HTTPError as away:
            answer = repr(away)
        await asyncio.sleep(0.2)
    raise RuntimeError(f"{url}: {answer[:300]}")


async def main() -> None:
    """One run."""
    orders = Orders.read()
    env = {"BENCH_POSTGRES": orders.postgres}
    ingress, admin, node, serving = _ports(4)
    server_env = {
        "RESTATE_INGRESS__BIND_ADDRESS": f"127.0.0.1:{ingress}",
        "RESTATE_ADMIN__BIND_ADDRESS": f"127.0.0.1:{admin}",
        "RESTATE_BIND_ADDRESS": f"127.0.0.1:{node}",
        "RESTATE_ADVERTISED_ADDRESS": f"http://127.0.0.1:{node}",
        "RESTATE_BASE_DIR": str(orders.run_dir / "restate-data"),
        "RESTATE_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "1",
        "RESTATE_LOG_FILTER": "warn",
    }
    toml = orders.run_dir / "hypercorn.toml"
    toml.write_text(
        f'bind = "127.0.0.1:{serving}"\nworkers = {os.cpu_count()}\nh2_max_concurrent_streams = 2147483647\n'
        "keep_alive_max_requests = 2147483647\nkeep_alive_timeout = 2147483647\n"
    )
    hypercorn = [
        sys.executable,
        "-m",
        "hypercorn",
        "--config",
        str(toml),
        "tests.benchmarks.peers.restate_cases:app",
    ]
    (orders.run_dir / "server").mkdir()
    async with (
        database(orders) as pool,
        httpx.AsyncClient(timeout=30, limits=httpx.Limits(max_connections=64)) as web,
    ):

        async def accept(case: str, application: dict[str, Any], submitted_at: datetime) -> None:
            await pool.execute(ACCEPT, case, submitted_at, str(application))
            body = {"application": application, "departments": orders.departments}
            response = await web.post(f"http://127.0.0.1:{ingress}/case/{case}/run/send", json=body)
            response.raise_for_status()

        with (
            workers([[orders.restate_server]], orders.run_dir / "server", server_env) as (server,),
            workers([hypercorn], orders.run_dir, env),
        ):
            orders.roots["restate"] = [server]
            await _until(web, "GET", f"http://127.0.0.1:{admin}/health")
            await _until(web, "POST", f"http://127.0.0.1:{admin}/deployments",
                         json={"uri": f"http://127.0.0.1:{serving}"})  # fmt: skip
            await drive(orders, pool, accept)


if __name__ == "__main__":
    asyncio.run(main())
