"""A database made by nobody but its owner: prepared, closed to others, and waited for."""

from __future__ import annotations

import asyncio
import secrets

import asyncpg
import pytest

from deploy.servers import PostgresServer
from libs.preparing import prepare, wait_for_answer, wait_for_tables


@pytest.fixture
async def bare(postgres_server: PostgresServer) -> dict[str, str]:
    """A database with three roles and the rights PostgreSQL gives by itself."""
    name = f"bare_{secrets.token_hex(4)}"
    admin = await asyncpg.connect(postgres_server.url)
    try:
        for kind in ("owner", "app", "audit", "stranger"):
            await admin.execute(f"CREATE ROLE {name}_{kind} LOGIN PASSWORD 'x'")
        await admin.execute(f"CREATE DATABASE {name} OWNER {name}_owner TEMPLATE template0")
    finally:
        await admin.close()
    kinds = ("owner", "app", "audit", "stranger")
    return {kind: postgres_server.address(f"{name}_{kind}", "x", name) for kind in kinds} | {"name": name}


async def _ask(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_prepared_database_is_migrated_and_closed_to_strangers(bare: dict[str, str]) -> None:
    name = bare["name"]
    assert await _ask(bare["stranger"], "SELECT 1") == 1
    for _ in range(2):  # a Job may run again
        await prepare("fee", bare["owner"], f"{name}_app", f"{name}_audit", patience_s=20)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await _ask(bare["stranger"], "SELECT 1")
    assert await _ask(bare["app"], "SELECT count(*) FROM outbox") == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await _ask(bare["app"], "CREATE TABLE mine (n int)")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await _ask(bare["audit"], "DELETE FROM outbox")


async def test_an_outbox_that_was_marked_in_place_is_moved_with_its_unsent_rows(bare: dict[str, str]) -> None:
    name = bare["name"]
    await prepare("fee", bare["owner"], f"{name}_app", f"{name}_audit", patience_s=20)
    owner = await asyncpg.connect(bare["owner"])
    await owner.execute(_AS_IT_WAS)
    await owner.close()
    await prepare("fee", bare["owner"], f"{name}_app", f"{name}_audit", patience_s=20)
    assert await _ask(bare["app"], "SELECT array_agg(id) FROM unsent JOIN outbox USING (seq)") == ["waits"]
    assert await _ask(bare["app"], "DELETE FROM unsent RETURNING true") is True
    for statement in ("UPDATE outbox SET id = 'x'", "DELETE FROM outbox"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await _ask(bare["app"], statement)
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="append_only"):
            await _ask(bare["owner"], statement)


_AS_IT_WAS = """
DROP TRIGGER outbox_append_only ON outbox;
DROP TABLE unsent;
ALTER TABLE outbox ADD COLUMN sent_at timestamptz;
CREATE INDEX ix_inbox_subject ON inbox (subject);
INSERT INTO outbox (id, source, type, subject, time, body, sent_at)
VALUES ('went', 'fee', 't', 's', now(), '{}', now()), ('waits', 'fee', 't', 's', now(), '{}', NULL);
UPDATE alembic_version SET version_num = 'fee_0002';
"""


_BODY = '{"a": [1.50, "\u4e34"]}'
_A_ROW = {
    "intake": ("items", "item_code, edition", "'x', '1'"),
    "fee": ("items", "item_code, item_version", "'x', '1'"),
    "review": ("items", "item_code, item_version", "'x', '1'"),
    "disclosure": ("log_state", "name", "'log'"),
    "supervision": ("items", "item_code", "'x'"),
}
_BEFORE_TEXTS = {
    "intake": "intake_0004", "fee": "fee_0004", "review": "review_0003", "disclosure": "0003", "supervision": "0004",
}  # fmt: skip


async def _columns(url: str, kind: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            "SELECT table_name || '.' || column_name FROM information_schema.columns "
            "WHERE table_schema = 'public' AND data_type = $1",
            kind,
        )
        return sorted(row[0] for row in rows)
    finally:
        await connection.close()


@pytest.mark.parametrize("service", _BEFORE_TEXTS)
async def test_what_older_versions_kept_as_jsonb_is_kept_as_text(bare: dict[str, str], service: str) -> None:
    name = bare["name"]
    await prepare(service, bare["owner"], f"{name}_app", f"{name}_audit", patience_s=20)
    texts, others = await _columns(bare["owner"], "json"), await _columns(bare["owner"], "jsonb")
    owner = await asyncpg.connect(bare["owner"])
    for table, _, column in (text.partition(".") for text in texts):
        await owner.execute(f"ALTER TABLE {table} ALTER COLUMN {column} TYPE jsonb")
    table, columns, values = _A_ROW[service]
    await owner.execute(f"INSERT INTO {table} ({columns}, version, body) VALUES ({values}, 1, '{_BODY}')")
    await owner.execute(f"UPDATE alembic_version SET version_num = '{_BEFORE_TEXTS[service]}'")
    await owner.close()
    await prepare(service, bare["owner"], f"{name}_app", f"{name}_audit", patience_s=20)
    assert f"{table}.body" in texts
    assert await _columns(bare["owner"], "json") == texts
    assert await _columns(bare["owner"], "jsonb") == others
    assert await _ask(bare["app"], f"SELECT body::text FROM {table}") == _BODY


async def test_service_waits_until_its_tables_are_there(bare: dict[str, str]) -> None:
    name = bare["name"]
    with pytest.raises(TimeoutError, match="tables are not at"):
        await wait_for_tables("fee", bare["app"], patience_s=0)
    waiting = asyncio.create_task(wait_for_tables("fee", bare["app"], patience_s=60))
    await prepare("fee", bare["owner"], f"{name}_app", f"{name}_audit", patience_s=20)
    await asyncio.wait_for(waiting, 30)


async def test_tables_of_a_later_release_are_good_enough(bare: dict[str, str]) -> None:
    name = bare["name"]
    await prepare("fee", bare["owner"], f"{name}_app", f"{name}_audit", patience_s=20)
    await _ask(bare["owner"], "UPDATE alembic_version SET version_num = 'fee_9999' RETURNING 1")
    await wait_for_tables("fee", bare["app"], patience_s=0)


async def test_database_that_never_answers_is_given_up() -> None:
    with pytest.raises(TimeoutError, match="does not answer"):
        await wait_for_answer("postgresql://nobody:x@127.0.0.1:9/none", patience_s=0)
