"""Runs the peers: each program of `tests.benchmarks.peers` on servers of its own, in the peers' environment."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.servers.broker import VHOST, password_hash
from deploy.servers.children import Child, answers, free_ports, wait_until
from tests.benchmarks.options import Figures, Options, Result
from tests.benchmarks.processes import ROOT
from tests.benchmarks.servers import servers

PLACE = ROOT / ".venv" / "bench"
PYTHON = PLACE / "bin" / "python"
RESTATE = PLACE / "restate" / "node_modules" / ".bin" / "restate-server"
REDIS = "redis-server"
LONGEST_S = 900.0
QUICK = 10


@dataclass(frozen=True)
class Peer:
    """A peer, and how much of the workload it can take in a few seconds.

    ``opinions`` is the backlog (cases times departments), ``published_ms`` the CPU per case of N = 4 that was
    measured when the goals were set, ``rate`` an arrival rate it can keep up with at N = 4.
    """

    name: str
    module: str
    opinions: int
    rate: int
    published_ms: float
    needs: tuple[str, ...] = ()


PEERS = (
    Peer("celery", "celery_chord", 2400, 20, 27.3, ("redis",)),
    Peer("restate", "restate_workflow", 1600, 20, 34.9, ("restate",)),
    Peer("dbos", "dbos_queue", 640, 5, 72.5),
    Peer("naive", "naive_service", 1200, 5, 60.5),
)
RATE_S = 15
AT_ONCE = 16
NOT_MEASURED_AT = {
    ("dbos", 64),
    ("naive", 64),
}  # a case takes seconds there: minutes for a figure known to be poor


async def run_peers(options: Options, only: Sequence[str] | None = None) -> list[Result]:
    """Every peer (or ``only`` these), one after the other."""
    results = []
    for peer in [peer for peer in PEERS if not only or peer.name in only]:
        result = Result(peer.name, skipped=_missing(peer))
        results.append(result)
        if result.skipped:
            options.tell(f"{peer.name}: skipped, {result.skipped}")
            continue
        for n in options.departments:
            if (peer.name, n) not in NOT_MEASURED_AT:
                await _one_size(peer, n, result, options)
    return results


def _missing(peer: Peer) -> str | None:
    if not PYTHON.exists():
        return "its environment is not there (make bench makes it from requirements.bench.lock)"
    if "redis" in peer.needs and shutil.which(REDIS) is None:
        return "redis-server is not installed (apt-get install -y redis-server)"
    if "restate" in peer.needs and not RESTATE.exists():
        return "restate-server is not installed (npm package @restatedev/restate-server)"
    return None


async def _one_size(peer: Peer, n: int, result: Result, options: Options) -> None:
    options.tell(f"{peer.name} n={n}: starting")
    folder = options.folder(f"{peer.name}-{n}")
    try:
        told = await _run(peer, n, folder, options.quick)
    except (RuntimeError, TimeoutError) as failed:
        result.breaches.append(f"{peer.name} n={n}: {failed}")
        return
    result.figures.append(Figures(n, told["cases_s"], told["cpu_ms"], told["details"]))
    result.breaches += [f"{peer.name} n={n}: {each}" for each in told["breaches"]]
    if n == 4 and told["cpu_ms"] > 1.5 * peer.published_ms:
        result.notes.append(
            f"n=4 costs {told['cpu_ms']:.1f} ms, more than 1.5 times the {peer.published_ms} ms known"
        )
    options.tell(f"{peer.name} n={n}: {told['cases_s']:.1f} cases/s, {told['cpu_ms']:.1f} ms CPU per case")


async def _run(peer: Peer, n: int, folder: Path, quick: bool) -> dict[str, Any]:
    password = secrets.token_urlsafe(12)
    definitions = {
        "vhosts": [{"name": VHOST}],
        "users": [{"name": "peer", "password_hash": password_hash(password), "tags": [],
                   "hashing_algorithm": "rabbit_password_hashing_sha256"}],
        "permissions": [{"user": "peer", "vhost": VHOST, "configure": ".*", "write": ".*", "read": ".*"}],
    }  # fmt: skip
    async with contextlib.AsyncExitStack() as stack:
        opened = servers(definitions, folder)
        own = await asyncio.to_thread(opened.__enter__)
        stack.push_async_callback(asyncio.to_thread, opened.__exit__, None, None, None)
        roots = {kind: list(pids) for kind, pids in own.roots.items()}
        redis = ""
        if "redis" in peer.needs:
            redis, pid = await stack.enter_async_context(_redis(folder))
            roots["redis"] = [pid]
        cases = max(8, peer.opinions // n // (QUICK if quick else 1))
        orders = {
            "n": n, "cases": cases, "warm_up": max(4, cases // 10), "at_once": AT_ONCE,
            "rates": {peer.rate: peer.rate * RATE_S // (3 if quick else 1)} if n == 4 else {},
            "postgres": own.postgres.url, "amqp": own.broker.address("peer", password), "redis": redis,
            "restate_server": str(RESTATE), "run_dir": str(folder), "roots": roots,
        }  # fmt: skip
        path = folder / "orders.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(orders))
        return await _program(peer, path, folder)


async def _program(peer: Peer, orders: Path, folder: Path) -> dict[str, Any]:
    """Run a peer's program to its end, behind a guard: whatever it starts ends with it, and with us."""
    command = [str(PYTHON), "-m", f"tests.benchmarks.peers.{peer.module}", str(orders)]
    child = Child("driver", command, folder, cwd=str(ROOT))
    child.start()
    try:
        async with asyncio.timeout(LONGEST_S):
            while child.alive:
                await asyncio.sleep(0.2)
    finally:
        await asyncio.to_thread(child.stop)
    said = child.log.read_text(errors="replace").splitlines()
    lines = [line for line in said if line.startswith('{"cases_s"')]
    if not lines:
        raise RuntimeError("no figures:\n" + "\n".join(said[-12:]))
    figures: dict[str, Any] = json.loads(lines[-1])
    return figures


@contextlib.asynccontextmanager
async def _redis(folder: Path) -> AsyncIterator[tuple[str, int]]:
    """A Redis with its default persistence; its address and process."""
    (port,) = free_ports(1)
    data = folder / "redis"
    data.mkdir()
    command = [str(shutil.which(REDIS)), "--bind", "127.0.0.1", "--port", str(port), "--dir", str(data)]
    child = Child("redis", command, folder, remove=[data])
    await asyncio.to_thread(child.start)
    try:
        await asyncio.to_thread(wait_until, lambda: answers(port), "Redis does not answer", child, 20)
        yield f"redis://127.0.0.1:{port}/0", child.pid
    finally:
        await asyncio.to_thread(child.close)
