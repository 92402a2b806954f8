"""Where the faults happen: real servers, toy services as child processes, a fault proxy on every edge."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
from sqlalchemy.ext.asyncio import create_async_engine

from deploy.launcher.processes import Processes, Running
from deploy.servers import PostgresServer, RabbitmqServer, postgres, rabbitmq
from deploy.servers.accounts import Accounts
from deploy.servers.children import free_ports
from libs.database import driver_url
from tests.faults.house import METADATA
from tests.faults.lasting import lasts
from tests.faults.proxy import Edge

DEPARTMENTS = ("fire", "planning", "water")
RECORDERS = ("fee", "disclosure", "supervision")
ENTRY = "tests.faults.armed:main"


@dataclass(frozen=True)
class Role:
    """One process: its name, what it is, and the database it shares with its replicas."""

    name: str
    service: str
    department: str | None
    database: str

    @property
    def queue(self) -> str:
        """Its queue and account at the broker; also its name for the audit."""
        return f"{self.service}.{self.department}" if self.department else self.service


ROLES = {
    role.name: role
    for role in (
        Role("intake-1", "intake", None, "intake"),
        Role("intake-2", "intake", None, "intake"),
        *(Role(f"review.{each}", "review", each, f"review_{each}") for each in DEPARTMENTS),
        *(Role(each, each, None, each) for each in RECORDERS),
    )
}
KINDS_OF_ROLE = {
    "intake": ["intake-1", "intake-2"],
    "department": [f"review.{each}" for each in DEPARTMENTS],
    "recorder": list(RECORDERS),
}


@dataclass
class Servers:
    """The real PostgreSQL and RabbitMQ, shared by the rounds of one campaign."""

    postgres: PostgresServer
    broker: RabbitmqServer
    accounts: Accounts
    folder: Path

    @property
    def operator_address(self) -> str:
        """AMQP as the administrator."""
        parts = urlsplit(self.broker.management)
        return self.broker.address(parts.username or "", parts.password or "")


@contextmanager
def servers(folder: Path) -> Iterator[Servers]:
    """PostgreSQL that keeps what it commits when it is killed, and RabbitMQ with the story's queues."""
    accounts = Accounts.fresh(DEPARTMENTS)
    limit = accounts.max_message_bytes
    with (
        postgres(folder, durable=True) as database,
        rabbitmq(accounts.definitions(), folder, max_message_bytes=limit) as broker,
    ):
        yield Servers(database, broker, accounts, folder)


@dataclass
class Stage:
    """One round: fresh databases, empty queues, all processes behind their proxies."""

    servers: Servers
    folder: Path
    databases: dict[str, str]
    edges: dict[str, Edge] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)  # not started again when they die
    deaths: list[dict[str, Any]] = field(default_factory=list)
    extra: int = 0

    def __post_init__(self) -> None:
        self.processes = Processes(self.folder, self._died)
        self._restarts: set[asyncio.Task[None]] = set()
        self._closing = False

    @property
    def crash_log(self) -> Path:
        """One line per process that died at a named point."""
        return self.folder / "crashes.jsonl"

    def crashes(self) -> list[dict[str, Any]]:
        """Who died where."""
        if not self.crash_log.exists():
            return []
        return [json.loads(line) for line in self.crash_log.read_text().splitlines()]

    async def open(self) -> None:
        """Proxies, then processes; returns when all are ready."""
        await self.processes.open()
        self.ports = dict(zip(ROLES, free_ports(len(ROLES)), strict=True))
        hosts = (self.servers.broker.host, self.servers.postgres.host)
        broker, database = (urlsplit(f"//{host}") for host in hosts)
        for name in ROLES:
            self._edge(f"{name}>broker", broker.hostname, broker.port)
            self._edge(f"{name}>database", database.hostname, database.port)
        for name in KINDS_OF_ROLE["intake"]:
            self._edge(f"client>{name}", "127.0.0.1", self.ports[name])
        for edge in self.edges.values():
            await edge.start()
        for name in ROLES:
            await self.start(name)
        await self.wait_ready()

    def _edge(self, name: str, host: str | None, port: int | None) -> None:
        self.edges[name] = Edge(name, host or "", port or 0)

    async def start(self, name: str, alias: str | None = None, port: int | None = None) -> None:
        """Start (again) the process ``name``; ``alias`` starts a second copy of it under another name."""
        role, own = ROLES[name], alias or name
        broker = urlsplit(self.servers.accounts.address(self.servers.broker, role.service, role.department))
        database = urlsplit(self.databases[role.database])
        env = {
            "ONEWINDOW_BROKER_URL": _through(broker, self.edges[f"{name}>broker"]),
            "ONEWINDOW_DATABASE_URL": _through(database, self.edges[f"{name}>database"]),
            "ONEWINDOW_HTTP_PORT": str(port or self.ports[name]),
            "FAULTS_SERVICE": role.service,
            "FAULTS_DEPARTMENT": role.department or "",
            "FAULTS_NAME": own,
            "FAULTS_ARM_FILE": str(self.folder / f"{own}.arm"),
            "FAULTS_CRASH_LOG": str(self.crash_log),
        }
        await self.processes.start(own, ENTRY, ["tests.faults.house"], env)

    async def second_copy(self, name: str, seconds: float) -> bool:
        """A deploy's overlap: another process on the same queue and database for a while; whether it got ready."""
        self.extra += 1
        alias, (port,) = f"{name}+{self.extra}", free_ports(1)
        self.held.add(alias)
        await self.start(name, alias, port)
        ready = await self.until_ready(port, 20)
        await lasts(seconds)
        pid = self.processes.running[alias].pid
        if pid is not None:
            self.processes.terminate(alias)
        return ready

    def _died(self, running: Running) -> None:
        self.deaths.append({"name": running.name, "status": running.status})
        if running.name in self.held or self._closing:
            return

        async def again() -> None:
            await lasts(0.1)
            if running.pid is None and running.name not in self.held:
                await self.start(running.name)

        task = asyncio.create_task(again())
        self._restarts.add(task)
        task.add_done_callback(self._restarts.discard)

    def pid(self, name: str) -> int | None:
        """The process id while it runs."""
        return self.processes.running[name].pid

    def arm(self, name: str, point: str, nth: int) -> bool:
        """From now on the nth passage of ``point`` kills the process; False when there is none to be told."""
        pid = self.pid(name)
        if pid is None:
            return False
        (self.folder / f"{name}.arm").write_text(f"{point} {nth}")
        return self.signal(name, signal.SIGUSR1)

    def signal(self, name: str, number: int) -> bool:
        """Send a signal; False when the process is gone."""
        pid = self.pid(name)
        if pid is None:
            return False
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return False
        return True

    async def ready(self, port: int) -> bool:
        """Whether the process behind this port says it can work."""
        try:
            async with httpx.AsyncClient(timeout=2) as client:
                return (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200
        except httpx.HTTPError:
            return False

    async def until_ready(self, port: int, seconds: float) -> bool:
        """Ask until ready; False when the time is over."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while not await self.ready(port):
            if loop.time() > until:
                return False
            await asyncio.sleep(0.1)
        return True

    async def wait_ready(self, seconds: float = 60.0) -> None:
        """Return when every process is ready; AssertionError otherwise."""
        found = await asyncio.gather(*(self.until_ready(port, seconds) for port in self.ports.values()))
        assert all(found), f"not ready: {[n for n, ok in zip(self.ports, found, strict=True) if not ok]}"

    async def close(self) -> None:
        """End everything of this round; the servers stay."""
        self._closing = True
        for task in list(self._restarts):
            task.cancel()
        for name, running in self.processes.running.items():
            if running.pid is not None:
                self.signal(name, signal.SIGCONT)
        await self.processes.close()
        for edge in self.edges.values():
            await edge.close()


def _through(address: Any, edge: Edge) -> str:
    account = address.netloc.rpartition("@")[0]
    return str(address._replace(netloc=f"{account}@127.0.0.1:{edge.port}").geturl())


async def _databases(server: PostgresServer) -> dict[str, str]:
    """One fresh database per house, as the superuser (rights are not what is proved here)."""
    suffix = secrets.token_hex(3)
    names = sorted({role.database for role in ROLES.values()})
    admin = await asyncpg.connect(server.url)
    base = server.url.rpartition("/")[0]
    try:
        template = f"toy_{suffix}"
        await admin.execute(f"CREATE DATABASE {template}")
        engine = create_async_engine(driver_url(f"{base}/{template}"))
        async with engine.begin() as connection:
            await connection.run_sync(METADATA.create_all)
        await engine.dispose()
        for name in names:
            await admin.execute(f"CREATE DATABASE {name}_{suffix} TEMPLATE {template}")
    finally:
        await admin.close()
    return {name: f"{base}/{name}_{suffix}" for name in names}


def _empty_queues(broker: RabbitmqServer) -> None:
    with broker.operator() as operator:
        for role in ROLES.values():
            for queue in (role.queue, f"{role.queue}.dead"):
                operator.delete(f"/api/queues/permit/{queue}/contents").raise_for_status()


@asynccontextmanager
async def stage(on: Servers, name: str) -> AsyncIterator[Stage]:
    """A round of its own on these servers, up and ready."""
    folder = on.folder / name
    folder.mkdir(parents=True)
    await asyncio.to_thread(_empty_queues, on.broker)
    made = Stage(on, folder, await _databases(on.postgres))
    try:
        await made.open()
        yield made
    finally:
        await made.close()
