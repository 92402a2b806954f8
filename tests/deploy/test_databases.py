"""Who may open and change which database."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from deploy.servers import PostgresServer
from deploy.servers.databases import Database, create_database

NewDatabase = Callable[..., Awaitable[Database]]


async def _ask(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_each_role_opens_its_own_database_only(new_database: NewDatabase) -> None:
    fee, other = await new_database("fee"), await new_database("fee")
    assert await _ask(fee.app, "SELECT count(*) FROM outbox") == 0
    for address in (fee.owner, fee.app, fee.audit):
        foreign = address.rpartition("/")[0] + f"/{other.name}"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await _ask(foreign, "SELECT 1")


async def test_app_creates_nothing_and_audit_only_reads(new_database: NewDatabase) -> None:
    fee = await new_database("fee")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await _ask(fee.app, "CREATE TABLE mine (n int)")
    assert await _ask(fee.audit, "SELECT count(*) FROM outbox") == 0
    connection = await asyncpg.connect(fee.audit)
    await connection.execute("SET default_transaction_read_only TO off")  # a habit, not the wall
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("DELETE FROM outbox")
    await connection.close()


async def test_department_copied_from_template_has_rights_of_its_own(postgres_server: PostgresServer) -> None:
    suffix = f"_{secrets.token_hex(3)}"
    template = await create_database(postgres_server, "fee", suffix=suffix)
    one = await create_database(postgres_server, "fee", "one", suffix=suffix, template=template)
    two = await create_database(postgres_server, "fee", "two", suffix=suffix, template=template)
    assert await _ask(one.app, "SELECT count(*) FROM inbox") == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await _ask(one.app.rpartition("/")[0] + f"/{two.name}", "SELECT 1")
