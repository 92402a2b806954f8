"""Builds and upgrades a service's database: alembic, one folder of versions per service, rights line by line.

``python -m libs.migration review --url postgresql://owner@host/db --app-role R --audit-role A`` for one database;
``--urls FILE`` for several, one owner's address a line. The roles are ``review_app``, ``review_audit`` if not named.
``--healer-role`` names who may see which events were said and heard, and nothing of what is in them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from alembic import command, context, op
from alembic.config import Config
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from libs.answers import answers_table
from libs.database import driver_url, tls
from libs.inbox import inbox_tables
from libs.letters import replays_table
from libs.outbox import outbox_table
from libs.records import Records

ROOT = Path(__file__).resolve().parent.parent
_ROLE = re.compile(r"^[a-z_][a-z0-9_]{0,62}$")
# All that finding lost deliveries takes (deploy/healing/outboxes.py): whose event, of what type, for whom. No content.
HEALER_READS = {"outbox": "seq, source, id, type, department", "unsent": "seq", "inbox": "source, id"}


def app_role() -> str:
    """The role the service itself connects as: it owns nothing and may do only what is granted."""
    return _role("app_role")


def audit_role() -> str:
    """The read-only role of the audit."""
    return _role("audit_role")


def _role(option: str) -> str:
    return _checked(str(context.config.attributes[option]))


def _checked(name: str | None) -> str:
    if name is None or not _ROLE.match(name):
        raise ValueError(f"{name!r} is no role name")
    return name


def grant(table: str, rights: str) -> None:
    """Grant ``rights`` on a table to the service's role, and SELECT to the audit's."""
    op.execute(f"GRANT {rights} ON {table} TO {app_role()}")
    op.execute(f"GRANT SELECT ON {table} TO {audit_role()}")


def create_sequence(name: str) -> None:
    """A sequence the service may draw numbers from."""
    op.execute(f"CREATE SEQUENCE {name}")
    op.execute(f"GRANT USAGE ON SEQUENCE {name} TO {app_role()}")


def create_records(*records: Records[Any]) -> None:
    """Create tables of records: SELECT, INSERT, UPDATE; nothing is ever deleted."""
    for each in records:
        each.table.create(op.get_bind())
        grant(each.name, "SELECT, INSERT, UPDATE")


def create_append_only(*tables: sa.Table) -> None:
    """Create tables that may only grow: no UPDATE, DELETE or TRUNCATE, by grant and by trigger."""
    for table in tables:
        table.create(op.get_bind())
        grant(table.name, "SELECT, INSERT")
        forbid_change(table.name)


def forbid_change(table: str) -> None:
    """Refuse UPDATE, DELETE and TRUNCATE on ``table`` to everybody, its owner included."""
    op.execute(
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'append_only: % on % is not allowed', TG_OP, TG_TABLE_NAME USING ERRCODE = '23000'; "
        "END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def backbone_tables() -> None:
    """Create outbox, inbox, answers, parked and set_aside with their rights."""
    tables = sa.MetaData()
    outbox_table(tables)
    inbox_tables(tables)
    answers_table(tables)
    tables.create_all(op.get_bind())
    _outbox_rights()
    grant("inbox", "SELECT, INSERT, UPDATE (state)")
    grant("answers", "SELECT, INSERT")
    forbid_change("answers")
    grant("parked", "SELECT, INSERT, UPDATE, DELETE")
    grant("set_aside", "SELECT, INSERT, UPDATE (settled_at)")


def letter_tables() -> None:
    """Create `replays`: who heard which letter again, when, and what came of it; it may only grow."""
    tables = sa.MetaData()
    inbox_tables(tables)
    replays = replays_table(tables)
    replays.create(op.get_bind())
    grant("replays", "SELECT, INSERT")
    forbid_change("replays")
    op.execute("CREATE INDEX set_aside_open ON set_aside (seq) WHERE settled_at IS NULL")


def outbox_that_only_grows() -> None:
    """Move what is unsent from the outbox's column ``sent_at`` to its own table, unless it is there already.

    Older code cannot write to the outbox any more once this is done: its processes are stopped before.
    """
    columns = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("outbox")}
    if "sent_at" not in columns:
        return
    op.execute("CREATE TABLE unsent (seq bigint PRIMARY KEY)")
    op.execute("INSERT INTO unsent SELECT seq FROM outbox WHERE sent_at IS NULL")
    op.execute("ALTER TABLE outbox DROP COLUMN sent_at")
    op.execute("DROP INDEX ix_inbox_subject")
    op.execute(f"REVOKE ALL ON outbox FROM {app_role()}")
    _outbox_rights()


def keep_as_text(table: str, *columns: str) -> None:
    """Keep what a table says in JSON as the text it came as (json), which is several times cheaper to write than
    jsonb; unless it does already."""
    kinds = {column["name"]: column["type"] for column in sa.inspect(op.get_bind()).get_columns(table)}
    changed = [column for column in columns if isinstance(kinds[column], postgresql.JSONB)]
    if changed:
        moves = ", ".join(f"ALTER COLUMN {column} TYPE json USING {column}::text::json" for column in changed)
        op.execute(f"ALTER TABLE {table} {moves}")


def _outbox_rights() -> None:
    grant("outbox", "SELECT, INSERT")
    forbid_change("outbox")
    grant("unsent", "SELECT, INSERT, DELETE")


def configuration(service: str, app: str, audit: str) -> Config:
    """Alembic's configuration for one service; no ini file, the roles travel as attributes."""
    config = Config()
    config.set_main_option("script_location", str(ROOT / "libs" / "migrating"))
    config.set_main_option("version_locations", str(ROOT / "services" / service / "migrations" / "versions"))
    config.set_main_option("path_separator", "os")
    config.attributes.update({"app_role": app, "audit_role": audit})
    return config


async def upgrade(service: str, url: str, app: str, audit: str, healer: str | None = None) -> None:
    """Bring the database at ``url`` (as its owner) to the newest version of ``service``'s tables.

    ``healer`` is a role that may read what was said and heard (HEALER_READS); only centers whose healer has a login
    of its own have it, so it is no part of any version.
    """
    config = configuration(service, app, audit)
    engine = create_async_engine(driver_url(url), connect_args=tls(url))

    def run(connection: sa.Connection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        for table, columns in HEALER_READS.items() if healer else ():
            connection.exec_driver_sql(f"GRANT SELECT ({columns}) ON {table} TO {_checked(healer)}")

    try:
        async with engine.begin() as connection:
            await connection.run_sync(run)
        await _compress_quickly(engine)
    finally:
        await engine.dispose()


async def _compress_quickly(engine: AsyncEngine) -> None:
    """Long texts (events, papers, case files) are compressed by lz4 from now on, where the server has it."""
    with contextlib.suppress(DBAPIError):
        async with engine.begin() as connection:
            name = (await connection.exec_driver_sql("SELECT current_database()")).scalar_one()
            quoted = '"' + str(name).replace('"', '""') + '"'
            await connection.exec_driver_sql(f"ALTER DATABASE {quoted} SET default_toast_compression TO lz4")


def main() -> None:
    """The command line of the module docstring."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("service")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--url")
    which.add_argument("--urls", type=Path)
    parser.add_argument("--app-role")
    parser.add_argument("--audit-role")
    parser.add_argument("--healer-role")
    given = parser.parse_args()
    urls = [given.url] if given.url else given.urls.read_text(encoding="utf-8").split()
    roles = (given.app_role or f"{given.service}_app", given.audit_role or f"{given.service}_audit")
    for url in urls:
        asyncio.run(upgrade(given.service, url, *roles, given.healer_role))
        print(f"{given.service}: {urlsplit(url).path.lstrip('/')} is at the newest version", flush=True)


if __name__ == "__main__":
    main()
