"""Does what the plan says and writes down what came of it. A fault that met nobody does not count as one."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import asyncpg

from tests.faults.injections import Injections
from tests.faults.lasting import lasts
from tests.faults.plan import LANES, Fault
from tests.faults.proxy import AMQP_ACK, DOWN, HTTP_POST, SQL_COMMIT, UP, Edge
from tests.faults.stage import ROLES, Stage
from tests.faults.workload import Clients, History

FIRES_S = 40.0  # a point that nobody passes for so long does not count; a busy machine gets there late
BACK_S = 45.0
Outcome = dict[str, Any]


class Nemesis:
    """Runs a plan in a few lanes until enough faults have fired."""

    def __init__(self, stage: Stage, history: History, clients: Clients) -> None:
        self._stage = stage
        self._history = history
        self.injections = Injections(stage, history, clients)
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._calm = asyncio.Event()
        self._calm.set()
        self.outcomes: list[Outcome] = []
        self._fired = 0

    async def run(self, faults: Iterator[Fault], wanted: int) -> None:
        """Until ``wanted`` faults have fired (or the plan ends)."""
        await asyncio.gather(*(self._lane(faults, wanted) for _ in range(LANES)))

    async def _lane(self, faults: Iterator[Fault], wanted: int) -> None:
        while self._fired < wanted:
            fault = next(faults, None)
            if fault is None:
                return
            await asyncio.sleep(fault.gap_s)
            if self._fired >= wanted:
                return
            await self._one(fault)

    async def _one(self, fault: Fault) -> None:
        act = self._act(fault)
        server = fault.kind in ("broker_killed", "postgresql_killed")
        async with self._locks[fault.target.rpartition(">")[0] or fault.target]:
            await self._calm.wait()
            if server:
                self._calm.clear()
            began = time.monotonic()
            self._history.note(phase="fault", **fault.as_dict())
            try:
                detail = await act(fault)
            except Exception as failed:
                detail = {"fired": False, "error": f"{type(failed).__name__}: {failed}"[:300]}
            finally:
                if server:
                    self._calm.set()
        outcome = {**fault.as_dict(), "lasted_s": round(time.monotonic() - began, 2), **detail}
        self._fired += bool(detail["fired"])
        self.outcomes.append(outcome)
        self._history.note(phase="after", n=fault.n, **detail)

    def _act(self, fault: Fault) -> Callable[[Fault], Awaitable[Outcome]]:
        for name in (fault.kind, fault.kind.partition("_")[0]):
            for owner in (self, self.injections):
                found: Callable[[Fault], Awaitable[Outcome]] | None = getattr(owner, f"do_{name}", None)
                if found is not None:
                    return found
        raise ValueError(f"nobody knows how to do {fault.kind}")

    async def _back(self, name: str) -> Outcome:
        began = time.monotonic()
        back = await self._stage.until_ready(self._stage.ports[name], BACK_S)
        return {"back_s": round(time.monotonic() - began, 2) if back else None}

    # processes

    async def do_kill(self, fault: Fault) -> Outcome:
        """SIGKILL."""
        fired = self._stage.signal(fault.target, signal.SIGKILL)
        await lasts(0.2)
        return {"fired": fired, **await self._back(fault.target)}

    async def do_stop(self, fault: Fault) -> Outcome:
        """SIGSTOP for a while; past the heartbeat the broker gives its messages to others."""
        fired = self._stage.signal(fault.target, signal.SIGSTOP)
        await lasts(fault.told["seconds"])
        self._stage.signal(fault.target, signal.SIGCONT)
        return {"fired": fired, **await self._back(fault.target)}

    async def do_crash(self, fault: Fault) -> Outcome:
        """SIGKILL at a named point."""
        point = fault.kind.removeprefix("crash_")
        await self._back(fault.target)  # before it is up it would not understand
        pid = self._stage.pid(fault.target)
        if pid is None or not self._stage.arm(fault.target, point, fault.told["nth"]):
            return {"fired": False}

        def died() -> bool:
            return any(each["pid"] == pid and each["point"] == point for each in self._stage.crashes())

        fired = await _within(died, FIRES_S)
        if not fired:
            self._stage.arm(fault.target, point, 10**9)
            return {"fired": False}
        await lasts(0.2)
        return {"fired": True, "point": point, **await self._back(fault.target)}

    async def do_second(self, fault: Fault) -> Outcome:
        """Two relays and two workers of one house at once."""
        return {"fired": await self._stage.second_copy(fault.target, fault.told["seconds"])}

    # servers

    async def do_connections_closed(self, fault: Fault) -> Outcome:
        """The broker closes the connections of one account, or of everybody."""
        wanted = None if fault.target == "everybody" else ROLES[fault.target].queue

        def close() -> int:
            closed = 0
            with self._stage.servers.broker.operator() as operator:
                for each in operator.get("/api/connections").json():
                    if wanted in (None, each.get("user")):
                        closed += operator.delete(f"/api/connections/{each['name']}").status_code == 204
            return closed

        closed = await asyncio.to_thread(close)
        return {"fired": closed > 0, "closed": closed}

    async def do_sessions_terminated(self, fault: Fault) -> Outcome:
        """pg_terminate_backend on all sessions of one house."""
        database = self._stage.databases[ROLES[fault.target].database].rpartition("/")[2]
        connection = await asyncpg.connect(self._stage.servers.postgres.url, timeout=5)
        try:
            sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1"
            ended = len(await connection.fetch(sql, database))
        finally:
            await connection.close()
        return {"fired": ended > 0, "sessions": ended}

    async def do_broker_killed(self, fault: Fault) -> Outcome:
        """kill -9 of RabbitMQ; started again on its data."""
        await asyncio.to_thread(self._stage.servers.broker.kill)
        await lasts(fault.told["seconds"])
        await asyncio.to_thread(self._stage.servers.broker.restart)
        return {"fired": True}

    async def do_postgresql_killed(self, fault: Fault) -> Outcome:
        """kill -9 of PostgreSQL; started again on its data."""
        await asyncio.to_thread(self._stage.servers.postgres.kill)
        await lasts(fault.told["seconds"])
        await asyncio.to_thread(self._stage.servers.postgres.restart)
        return {"fired": True}

    # edges

    async def do_blackhole(self, fault: Fault) -> Outcome:
        """Nothing passes one way or both; then it flows on, or the connections turn out to be gone."""
        edge = self._stage.edges[fault.target]
        ways = {"blackhole_up": (UP,), "blackhole_down": (DOWN,)}.get(fault.kind, (UP, DOWN))
        before = edge.held
        edge.stall(*ways)
        await lasts(fault.told["seconds"])
        if fault.told["then"] == "reset":
            edge.reset()
        edge.heal()
        return {"fired": edge.held > before, "chunks": edge.held - before}

    async def do_reset(self, fault: Fault) -> Outcome:
        """RST on every connection of the edge."""
        broken = self._stage.edges[fault.target].reset()
        return {"fired": broken > 0, "connections": broken}

    async def do_refused(self, fault: Fault) -> Outcome:
        """Connections break and new ones are refused for a while."""
        edge = self._stage.edges[fault.target]
        before, edge.refuse = edge.refused, True
        edge.reset()
        await lasts(fault.told["seconds"])
        edge.heal()
        return {"fired": edge.refused > before, "refused": edge.refused - before}

    async def _slowed(self, edge: Edge, seconds: float) -> Outcome:
        before = edge.slowed
        await lasts(seconds)
        edge.heal()
        return {"fired": edge.slowed > before, "chunks": edge.slowed - before}

    async def do_delay(self, fault: Fault) -> Outcome:
        """Every chunk comes late."""
        edge = self._stage.edges[fault.target]
        edge.delay_s = 0.25
        return await self._slowed(edge, fault.told["seconds"])

    async def do_slow(self, fault: Fault) -> Outcome:
        """A narrow line."""
        edge = self._stage.edges[fault.target]
        edge.bytes_per_s = 8_000
        return await self._slowed(edge, fault.told["seconds"])

    async def do_lost(self, fault: Fault) -> Outcome:
        """What was asked for is done, and the answer is lost with its connection."""
        edge = self._stage.edges[fault.target]
        direction, pattern, reply = {
            "lost_commit_reply": (UP, SQL_COMMIT, True),
            "lost_http_answer": (UP, HTTP_POST, True),
            "lost_confirm": (DOWN, AMQP_ACK, False),
            "lost_ack": (UP, AMQP_ACK, False),
        }[fault.kind]
        armed = edge.cut(direction, pattern, reply=reply)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(armed.fired.wait(), FIRES_S)
        if not armed.fired.is_set():
            edge.heal()
        return {"fired": armed.fired.is_set()}


async def _within(condition: Callable[[], bool], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        await asyncio.sleep(0.05)
    return True
