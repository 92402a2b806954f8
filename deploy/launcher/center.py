"""A whole center on one machine: servers, provider, databases, keys, a process per service and department."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from deploy.launcher.attached import Attached
from deploy.launcher.clock_driver import ClockDriver
from deploy.launcher.deliveries import Deliveries
from deploy.launcher.houses import DEPARTMENTS, House, Secrets, departments, environment, houses, sites
from deploy.launcher.people import people
from deploy.launcher.processes import ROOT, Processes, Running
from deploy.launcher.provider import AUDIENCE, CLAIMS, Provider
from deploy.launcher.reach import healing
from deploy.launcher.readiness import Probe
from deploy.launcher.watch import Watch
from deploy.servers import PostgresServer, RabbitmqServer, ServerFailed, postgres, rabbitmq
from deploy.servers.accounts import Accounts
from deploy.servers.children import end_of
from deploy.servers.databases import Database, create_database
from libs.flow import FLOW

READY_S = 120.0
KEPT_RUNS = 5
Tell = Callable[[str], None]
T = TypeVar("T")


def new_run_dir() -> Path:
    """A fresh folder for one run below .run/; .run/current points to the newest."""
    folder = ROOT / ".run" / f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}"
    folder.mkdir(parents=True)
    _forget_old_runs(folder.parent)
    current = folder.parent / "current"
    partial = folder.parent / f".current-{os.getpid()}"
    partial.symlink_to(folder.name)
    partial.replace(current)
    return folder


def _forget_old_runs(folder: Path) -> None:
    """Remove what runs left behind (logs, traces, documents), except the newest and those still running."""
    runs = sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
    for path in runs[:-KEPT_RUNS]:
        if not Path(f"/proc/{path.name.rpartition('-')[2]}").exists():
            shutil.rmtree(path, ignore_errors=True)


class Center:
    """An async context manager: up on entry, everything ended on exit.

    ``start`` freezes business time there until the clock is driven; None lets it run as real time. ``heal``
    compares outboxes and inboxes all the time (off in tests: what heals a loss would also hide it).
    """

    def __init__(
        self,
        run_dir: Path | None = None,
        *,
        departments_dir: Path = DEPARTMENTS,
        start: datetime | None = None,
        durable: bool = True,
        heal: bool = False,
        tell: Tell = lambda _: None,
    ) -> None:
        self.run_dir = (run_dir or new_run_dir()).absolute()
        self.logs = self.run_dir / "logs"
        self.departments_dir = departments_dir.absolute()
        self.departments = departments(self.departments_dir)
        codes = [department.code for department in self.departments]
        self.houses: list[House] = houses(codes)
        self.sites: dict[str, Any] = sites(self.houses)
        self.accounts = Accounts.fresh(codes)
        self.databases: dict[str, Database] = {}
        self.keys = Secrets(self.run_dir / "keys")
        self._tell = tell
        self._durable, self._heal = durable, heal
        self._driven = start is not None
        for folder in (self.logs, self.run_dir / "traces"):
            folder.mkdir(parents=True, exist_ok=True)
        self.watch = Watch(self.logs / "launcher.log")
        self.processes = Processes(self.logs, self._on_death)
        self.probes = {house.name: Probe(house.name, house.port) for house in self.houses}
        self.deliveries = Deliveries(FLOW, codes)
        self.clock = ClockDriver(
            self.run_dir / "clock.json",
            list(self.probes.values()),
            start or datetime.now(UTC),
            missing=self.deliveries.missing,
            failed=self._failure,
        )
        self._stack, self._healing = contextlib.AsyncExitStack(), contextlib.AsyncExitStack()
        self.postgres: PostgresServer
        self.broker: RabbitmqServer
        self.provider: Provider

    @property
    def issuer(self) -> str:
        """The identity provider's address."""
        return self.provider.issuer

    @property
    def driver_client(self) -> tuple[str, str]:
        """The provider's client that may ask for a person's token by password."""
        return self.provider.driver_client

    async def __aenter__(self) -> Center:
        try:
            await self._start()
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._end()

    async def _end(self) -> None:
        """Services first, so that they end in good order; then what they rely on, the newest first."""
        await self.watch.end()
        await self._healing.aclose()
        for probe in self.probes.values():
            probe.close()
        await self.deliveries.close()
        await self.processes.close()
        await self._stack.aclose()

    async def _start(self) -> None:
        await self.processes.open()
        self.keys.make(self.houses)
        self.clock.hold() if self._driven else self.clock.run_free()
        self._tell("Starting PostgreSQL, RabbitMQ and the identity provider")
        await asyncio.gather(self._open_databases(), self._open_broker(), self._open_provider())
        self.deliveries.watch({name: database.audit for name, database in self.databases.items()})
        self._write_state()
        self._tell(f"Starting {len(self.houses)} services")
        for house in self.houses:
            await self._start_house(house)
        await self.wait_ready()
        self._watch_servers()
        if self._heal:
            await self._healing.enter_async_context(healing(Attached(self.run_dir), self.watch.note))
        self._tell("Ready")

    async def _enter(self, manager: AbstractContextManager[T]) -> T:
        value = await asyncio.to_thread(manager.__enter__)
        self._stack.push_async_callback(asyncio.to_thread, manager.__exit__, None, None, None)
        return value

    async def _open_databases(self) -> None:
        self.postgres = await self._enter(postgres(self.logs, durable=self._durable))
        first: Database | None = None
        for house in self.houses:
            template = first if house.service == "review" else None
            made = await create_database(self.postgres, house.service, house.department, template=template)
            self.databases[house.name] = made
            if house.service == "review":
                first = first or made
        self._tell(f"{len(self.databases)} databases are migrated")

    async def _open_broker(self) -> None:
        definitions = self.accounts.definitions()
        limit = self.accounts.max_message_bytes
        self.broker = await self._enter(rabbitmq(definitions, self.logs, max_message_bytes=limit))
        self._tell("RabbitMQ is up")

    async def _open_provider(self) -> None:
        self.provider = Provider(self.logs)
        self._stack.push_async_callback(asyncio.to_thread, self.provider.child.close)
        clients = {house.client_id: house.url for house in self.houses}
        self.provider.start(people(self.departments), clients)
        await self.provider.wait()
        self._tell("The identity provider is up")

    async def _start_house(self, house: House) -> None:
        addresses = {
            "database": self.databases[house.name].app,
            "broker": self.accounts.address(self.broker, house.service, house.department),
            "issuer": self.issuer,
            "audience": AUDIENCE,
            "client_secret": self.provider.secrets[house.client_id],
            "sites": json.dumps(self.sites),
        }
        env = environment(house, self.run_dir, self.keys, self.departments_dir, addresses)
        entry = [f"services.{house.service}.app"]
        await self.processes.start(house.name, "libs.runner:main", entry, {**env, **CLAIMS})

    async def wait_ready(self, names: list[str] | None = None) -> None:
        """Return when these services (None: all) are ready; ServerFailed with a log's end otherwise."""
        until = time.monotonic() + READY_S
        missing = list(names or self.probes)
        while True:
            states = await asyncio.gather(*(self.probes[name].ask() for name in missing))
            missing = [state.name for state in states if not state.ready]
            if not missing:
                return
            failure = self._failure()
            if failure is not None or time.monotonic() > until:
                log = self.processes.running[missing[0]].log
                why = failure or f"not ready after {READY_S:.0f} s: {', '.join(missing)}"
                raise ServerFailed(f"{why}\n{log}:\n{end_of(log, 30)}")
            await asyncio.sleep(0.1)

    def _failure(self) -> str | None:
        return self.watch.failure

    def _on_death(self, running: Running) -> None:
        house = next(house for house in self.houses if house.name == running.name)
        self.watch.died(running.name, f"status {running.status}", lambda: self._start_house(house))

    def _watch_servers(self) -> None:
        for name, child, restart in (
            ("RabbitMQ", self.broker.child, self.broker.restart),
            ("PostgreSQL", self.postgres.child, self.postgres.restart),
            ("identity provider", self.provider.child, self.provider.restart),
        ):
            if child is not None:
                self._watch_server(name, lambda child=child: child.alive, restart)  # type: ignore[misc]
        self.watch.begin()

    def _watch_server(self, name: str, alive: Callable[[], bool], restart: Callable[[], None]) -> None:
        async def again() -> None:
            await asyncio.to_thread(restart)

        self.watch.server(name, alive, again)

    def status(self) -> dict[str, dict[str, Any]]:
        """Every process with its address, pid and number of restarts."""
        return {
            house.name: {
                "url": house.url,
                "pid": self.processes.running[house.name].pid,
                "restarts": self.watch.restarts.get(house.name, 0),
            }
            for house in self.houses
        }

    def _write_state(self) -> None:
        """What commands that come later (audit, trace, letters, verify) need to find this center."""
        state = {
            "sites": self.sites,
            "issuer": self.issuer,
            "driver_client": self.driver_client,
            "databases": {house.file: self.databases[house.name].audit for house in self.houses},
            "key_directory": str(self.keys.directory),
            "clock": str(self.run_dir / "clock.json"),
            "traces": str(self.run_dir / "traces"),
            "management": self.broker.management,
            "departments": [department.code for department in self.departments],
        }
        path = self.run_dir / "center.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(state, ensure_ascii=False, indent=1), encoding="utf-8")
