"""A whole center for benchmarks: the real services, four departments, one invented item, meters around it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import yaml

from deploy.audit.report import Report
from deploy.launcher.attached import Attached
from deploy.launcher.center import Center
from deploy.launcher.houses import DEPARTMENTS, House, environment
from deploy.launcher.provider import AUDIENCE, CLAIMS
from deploy.launcher.story.cast import Cast
from deploy.launcher.story.play import EDITOR, catalogue_files
from libs.clock import write_clock
from tests.benchmarks import chain_floor as floor
from tests.benchmarks import full_chain_people as inside
from tests.benchmarks.meters import Meter

HERE = Path(__file__).parent
CODES = ("urban_management", "traffic_police", "planning", "fire")
MONDAY = datetime(2026, 1, 5, 1, tzinfo=UTC)  # 09:00 in Shanghai
PATIENCE_S = 300.0
_SAID = (
    "SELECT DISTINCT ON (type, department) type, department, body FROM outbox "
    "WHERE type = ANY($1::text[]) AND subject <> 'catalogue' ORDER BY type, department, seq DESC"
)
_WRITTEN = (
    "SELECT relname, n_tup_ins, n_tup_upd, pg_total_relation_size(relid) AS bytes FROM pg_stat_user_tables"
)


class BenchCenter(Center):
    """Four departments, durable servers, every service started through full_chain_people.

    ``said`` is a file of what the chain says: the services only say it again, see chain_floor.
    """

    def __init__(self, folder: Path, *, people: str, said: Path | None = None) -> None:
        departments = folder / "departments"
        departments.mkdir(parents=True)
        for code in CODES:
            shutil.copy(DEPARTMENTS / f"{code}.yaml", departments)
        self.orders = folder / "orders"
        self.orders.mkdir()
        self._people = people
        self._said = said
        super().__init__(folder / "run", departments_dir=departments, start=MONDAY, durable=True)

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
        told = {inside.HOUSE: house.service, inside.ORDERS: str(self.orders), inside.PEOPLE: self._people}
        entry, arguments = "libs.runner:main", ["tests.benchmarks.full_chain_people"]
        if self._said is not None:
            arguments, told[floor.SAID] = ["tests.benchmarks.chain_floor"], str(self._said)
        if profile := os.environ.get("BENCH_PROFILE"):
            told["BENCH_PROFILE"] = f"{profile}/{house.file}.prof"
            entry = "tests.benchmarks.full_chain_profile:main"
        await self.processes.start(house.name, entry, arguments, {**env, **CLAIMS, **told})

    async def publish(self) -> None:
        """Calendars, the tariff and the invented item, through disclosure's own door."""
        item = yaml.safe_load((HERE / "full_chain_item.yaml").read_text(encoding="utf-8"))
        item["source"]["seen_on"] = str(item["source"]["seen_on"])
        documents = [("calendars", each) for each in catalogue_files("calendars")]
        documents += [
            ("tariffs", each)
            for each in catalogue_files("tariffs")
            if each["tariff_code"] == item["fee"]["tariff_code"]
        ]
        documents.append(("items", item))
        async with self.cast() as cast:
            for kind, document in documents:
                await cast.act(EDITOR, f"{cast.site('disclosure')}/api/{kind}", document)
        await self.clock.settle()
        self.let_time_run()

    def let_time_run(self) -> None:
        """From here on business time runs as real time does."""
        write_clock(self.run_dir / "clock.json", self.clock.now, 1.0, None)

    def cast(self) -> Cast:
        """The people over HTTP."""
        return Cast(self.issuer, *self.driver_client, self.sites)

    async def order(self, name: str, text: str = "") -> None:
        """Tell the people inside intake what to do; returns once they are done with it."""
        done = self.orders / f"{name}.done"
        done.unlink(missing_ok=True)
        partial = self.orders / f".{name}"
        partial.write_text(text, encoding="utf-8")
        partial.rename(self.orders / name)
        await _until(done.exists, f"the order {name}")

    async def quiet(self) -> None:
        """Everything said was heard, and nobody has anything left to do."""
        until = time.monotonic() + PATIENCE_S
        while True:
            states = await asyncio.gather(*(probe.ask() for probe in self.probes.values()))
            missing: int | None = None  # counting reads every outbox and inbox, at the cost of what is measured
            if all(state.quiet for state in states):
                missing = await self.deliveries.missing()
                states = await asyncio.gather(*(probe.ask() for probe in self.probes.values()))
            if missing == 0 and all(state.quiet for state in states):
                return
            if time.monotonic() > until:
                raise TimeoutError(
                    f"{missing} deliveries missing, {[s.blockers for s in states if not s.quiet]}"
                )
            await asyncio.sleep(0.25)

    def complaints(self) -> str:
        """What the services' logs say of warning or worse, the last of it."""
        lines = [
            f"{path.stem}: {line[:400]}"
            for path in sorted(self.logs.glob("*.log"))
            for line in path.read_text(errors="replace").splitlines()
            if any(word in line for word in ("act_refused", "critical", '"error"', "Traceback"))
        ]
        return "\n".join(lines[-10:])

    async def rows_written(self, cases: int) -> str:
        """Rows inserted and updated per case, and KiB at the end, of the busiest tables."""
        found = []
        for name, database in self.databases.items():
            connection = await asyncpg.connect(database.audit, timeout=10)
            try:
                for row in await connection.fetch(_WRITTEN):
                    found.append(
                        (row["bytes"], f"{name}.{row['relname']}", row["n_tup_ins"], row["n_tup_upd"])
                    )
            finally:
                await connection.close()
        lines = [
            f"  {size / cases / 1024:7.1f} KiB {ins / cases:6.1f} + {upd / cases:5.1f}  {table}"
            for size, table, ins, upd in sorted(found, reverse=True)[:25]
        ]
        return "\n".join(lines)

    async def said(self) -> floor.Texts:
        """What was said of a case, as `chain_floor` says it again."""
        found = []
        for database in self.databases.values():
            connection = await asyncpg.connect(database.audit, timeout=10)
            try:
                found += [tuple(row) for row in await connection.fetch(_SAID, list(floor.TYPES))]
            finally:
                await connection.close()
        return floor.said_of_one_case(found)

    async def audit(self) -> Report:
        """The audit over all databases."""
        return await Attached(self.run_dir).audit()

    async def value(self, house: str, sql: str, *values: Any) -> Any:
        """One value from a database, read with the audit's account."""
        connection = await asyncpg.connect(self.databases[house].audit, timeout=10)
        try:
            return await connection.fetchval(sql, *values)
        finally:
            await connection.close()

    async def counted(self, house: str, sql: str) -> dict[str, int]:
        """Rows of (name, number), read with the audit's account."""
        connection = await asyncpg.connect(self.databases[house].audit, timeout=10)
        try:
            return {row[0]: int(row[1]) for row in await connection.fetch(sql)}
        finally:
            await connection.close()

    async def wait_for(self, house: str, sql: str, wanted: int, pause_s: float = 0.2) -> None:
        """Return once this count is reached; TimeoutError when nothing moves for a minute."""
        connection = await asyncpg.connect(self.databases[house].audit, timeout=10)
        seen, until = -1, time.monotonic() + 60
        try:
            while (found := await connection.fetchval(sql)) < wanted:
                if found > seen:
                    seen, until = found, time.monotonic() + 60
                if time.monotonic() > until:
                    raise TimeoutError(f"{house}: {found} of {wanted}: {sql}\n{self.complaints()}")
                await asyncio.sleep(pause_s)
        finally:
            await connection.close()

    def begin_profiles(self) -> None:
        """Start sampling, where the services were started for it."""
        if os.environ.get("BENCH_PROFILE"):
            for running in self.processes.running.values():
                os.kill(running.pid or 0, signal.SIGUSR1)

    def meter(self) -> Meter:
        """Measures everything this center runs, by service (the departments together) and server."""
        roots: dict[str, list[int]] = {}
        for name, running in self.processes.running.items():
            roots.setdefault(name.partition("/")[0], []).append(running.pid or 0)
        for name, child in (("postgresql", self.postgres.child), ("rabbitmq", self.broker.child)):
            if child is None:
                raise RuntimeError(f"{name} was given by address: its CPU cannot be counted")
            roots[name] = [child.pid]
        return Meter(roots, self.postgres.url)


async def _until(condition: Any, what: str, seconds: float = PATIENCE_S) -> None:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError(what)
        await asyncio.sleep(0.02)
