"""The audit reads real databases with its read-only roles, and its command says so by its status."""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from deploy.audit import judge
from deploy.audit.load import TABLES, load
from deploy.audit.snapshot import Books
from deploy.servers import PostgresServer
from deploy.servers.databases import Database, create_database
from libs.envelope import instant
from libs.flow import FLOW
from tests.audit.center import NOW, recorded

ROOT = Path(__file__).resolve().parents[2]


async def fill(url: str, books: Books) -> None:
    """Write the books of one service into its database, past every trigger, as only a superuser can."""
    connection = await asyncpg.connect(url)
    try:
        await _drop_laws(connection)
        for event in books.outbox:
            body = {
                "id": event.id, "source": event.source, "type": event.type, "subject": event.subject,
                "time": instant(event.time), "data": event.data,
            }  # fmt: skip
            if event.department:
                body["department"] = event.department
            await connection.execute(
                "INSERT INTO outbox (id, source, type, subject, department, time, body) "
                "VALUES ($1, $2, $3, $4, $5, $6, $7)",
                event.id, event.source, event.type, event.subject, event.department, event.time, json.dumps(body),
            )  # fmt: skip
        for heard in books.inbox:
            await put(connection, "inbox", vars(heard))
        for answer in books.answers:
            await put(connection, "answers", {**vars(answer), "request_sha256": ""})
        for table in TABLES[books.service]:
            for row in books.rows(table):
                await put(connection, table, row)
    finally:
        await connection.close()


async def _drop_laws(connection: asyncpg.Connection) -> None:
    """The recorded rows hold only what the audit reads; what else a row must say is the services' own test."""
    checks = await connection.fetch(
        "SELECT conrelid::regclass::text AS at, conname FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid "
        "WHERE contype = 'c' AND relnamespace = 'public'::regnamespace"
    )
    for each in checks:
        await connection.execute(f"ALTER TABLE {each['at']} DROP CONSTRAINT {each['conname']}")
    for each in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        await connection.execute(f"ALTER TABLE {each['tablename']} DISABLE TRIGGER ALL")


async def put(connection: asyncpg.Connection, table: str, given: Mapping[str, Any]) -> None:
    """One row; columns that must not be empty and are not given get a plain value of their type."""
    columns = await connection.fetch(
        "SELECT column_name AS name, data_type AS kind, is_nullable = 'NO' AND column_default IS NULL "
        "AND is_identity = 'NO' AND is_generated = 'NEVER' AS needed "
        "FROM information_schema.columns WHERE table_name = $1",
        table,
    )
    row = {
        each["name"]: plain(each["kind"], each["name"], given.get(each["name"]), table)
        for each in columns
        if each["name"] in given or each["needed"]
    }
    places = ", ".join(f"${n + 1}" for n in range(len(row)))
    await connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", *row.values())


def plain(kind: str, name: str, value: Any, table: str) -> Any:
    """A value as the driver wants it."""
    if kind in ("json", "jsonb"):
        return json.dumps(value if value is not None else {})
    if kind == "date":
        return date.fromisoformat(value) if value else date(2026, 1, 12)
    if kind.startswith("timestamp"):
        return datetime.fromisoformat(value) if value else None if name == "stopped_at" else datetime.now(UTC)
    if kind in ("bigint", "integer", "numeric"):
        return value if value is not None else 1
    if kind == "boolean":
        return bool(value)
    if kind == "ARRAY":
        return value or []
    return str(value) if value is not None else f"{table}-{secrets.token_hex(4)}"


@pytest.fixture
async def center(postgres_server: PostgresServer) -> dict[str, Database]:
    """The recorded center in real databases."""
    snapshot = recorded().snapshot(NOW)
    suffix = f"_{secrets.token_hex(3)}"
    made: dict[str, Database] = {}
    template: Database | None = None
    for name, books in snapshot.books.items():
        copied = template if books.department else None
        made[name] = await create_database(
            postgres_server, books.service, books.department, suffix=suffix, template=copied
        )
        template = template or (made[name] if books.department else None)
    for name, books in snapshot.books.items():
        await fill(f"{postgres_server.url.rpartition('/')[0]}/{made[name].name}", books)
    return made


async def test_real_databases_are_read_audited_and_refused(
    center: dict[str, Database], tmp_path: Path, postgres_server: PostgresServer
) -> None:
    addresses = {name: database.audit for name, database in center.items()}
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps([signer.directory_entry() for signer in recorded().signers.values()]))

    loaded = await load(addresses, key_directory=keys, business_now=NOW)
    report = judge(loaded, FLOW)
    assert report.clean, "\n".join(report.lines())
    assert len(loaded.events) == len(recorded().order)
    assert loaded.log_key == base64.b64decode(
        recorded().signers["disclosure"].directory_entry()["public_key"]
    )

    databases = tmp_path / "databases.json"
    databases.write_text(json.dumps(addresses))
    clean = command(databases, keys)
    assert clean.returncode == 0, clean.stdout + clean.stderr
    assert "The audit agrees." in clean.stdout

    owner = await asyncpg.connect(center["review.market"].owner)
    await owner.execute("INSERT INTO unsent VALUES (1)")
    await owner.close()
    broken = command(databases, keys, "--json")
    assert broken.returncode == 1
    told = json.loads(broken.stdout)
    assert [row["invariant"] for row in told["invariants"] if row["breaches"]] == ["I13"]

    reader = await asyncpg.connect(center["fee"].audit)
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await reader.execute("DELETE FROM outbox")
    await reader.execute("SET default_transaction_read_only = off")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await reader.execute("DELETE FROM outbox")
    await reader.close()


def command(databases: Path, keys: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """The audit as people run it."""
    arguments = ["--databases", str(databases), "--keys", str(keys), "--now", NOW.isoformat(), *more]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ONEWINDOW_")}
    return subprocess.run(
        [sys.executable, "-m", "deploy.audit", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_without_databases_the_command_says_what_is_missing(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ONEWINDOW_")}
    asked = subprocess.run(
        [sys.executable, "-m", "deploy.audit"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert asked.returncode == 1
    assert "ONEWINDOW_AUDIT_DATABASES" in asked.stderr
