"""Around a migration on a cluster: the database answers first, and is closed to others; then its service begins.

``python -m libs.preparing intake --owner FILE --app-role R --audit-role A`` is the Job that migrates: it waits for
the database, upgrades it as its owner (whose address is in FILE) and closes it to everybody else but the role that
``--healer-role`` names.
``python -m libs.preparing intake`` returns when the service's own database has the tables this code needs: pods
wait so for the Job, and no rollout begins before its migration.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import sqlalchemy as sa
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError, NoResultFound
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from libs.database import driver_url, tls
from libs.migration import configuration, upgrade
from libs.settings import ServiceSettings

PAUSE_S = 1.0
PATIENCE_S = 600.0
_AWAY = (DBAPIError, NoResultFound, OSError, TimeoutError)
Condition = Callable[[AsyncConnection], Awaitable[bool]]


async def close_to_others(
    connection: AsyncConnection, app: str, audit: str, healer: str | None = None
) -> None:
    """As the owner of the database: only the service, the audit and the healer may open it and look into its schema.

    The service may also read the version of its tables, to know whether it may begin.
    """
    everybody = ", ".join(filter(None, (app, audit, healer)))
    database = (await connection.execute(sa.text("SELECT quote_ident(current_database())"))).scalar_one()
    for statement in (
        f"REVOKE ALL ON DATABASE {database} FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {database} TO {everybody}",
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA public TO {everybody}",
        f"GRANT SELECT ON alembic_version TO {app}, {audit}",
    ):
        await connection.execute(sa.text(statement))


async def prepare(
    service: str,
    url: str,
    app: str,
    audit: str,
    patience_s: float = PATIENCE_S,
    healer: str | None = None,
) -> None:
    """Wait for the database at ``url`` (as its owner), bring it to the newest tables and close it to others."""
    await wait_for_answer(url, patience_s)
    await upgrade(service, url, app, audit, healer)
    engine = create_async_engine(driver_url(url), connect_args=tls(url))
    try:
        async with engine.begin() as connection:
            await close_to_others(connection, app, audit, healer)
    finally:
        await engine.dispose()


async def wait_for_answer(url: str, patience_s: float) -> None:
    """Return when the database can be logged in to; the last failure when it cannot for so long."""
    await _until(url, patience_s, _says_anything, "the database does not answer")


async def wait_for_tables(service: str, url: str, patience_s: float = PATIENCE_S) -> None:
    """Return when the database has the newest tables this code knows, or newer ones (migrations only expand)."""
    script = ScriptDirectory.from_config(configuration(service, "nobody", "nobody"))
    newest = script.get_current_head()

    async def migrated(connection: AsyncConnection) -> bool:
        found = (await connection.execute(sa.text("SELECT version_num FROM alembic_version"))).scalar_one()
        return found == newest or not _known(script, found)

    await _until(url, patience_s, migrated, f"the tables are not at {newest}")


def _known(script: ScriptDirectory, version: str) -> bool:
    try:
        return script.get_revision(version) is not None
    except CommandError:  # of a later release, after which an older one was started again
        return False


async def _says_anything(connection: AsyncConnection) -> bool:
    await connection.execute(sa.text("SELECT 1"))
    return True


async def _until(url: str, patience_s: float, holds: Condition, otherwise: str) -> None:
    engine = create_async_engine(driver_url(url), connect_args={"timeout": 5, **tls(url)})
    until = time.monotonic() + patience_s
    try:
        while True:
            failed: Exception | None = None
            try:
                async with engine.connect() as connection:
                    if await holds(connection):
                        return
            except _AWAY as reason:
                failed = reason
            if time.monotonic() > until:
                raise TimeoutError(otherwise) from failed
            await asyncio.sleep(PAUSE_S)
    finally:
        await engine.dispose()


def main() -> None:
    """The command line of the module docstring."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("service")
    parser.add_argument("--owner", type=Path, help="a file with the address of the database as its owner")
    parser.add_argument("--app-role", type=_role, help="the role the service logs in as")
    parser.add_argument("--audit-role", type=_role, help="the role of the audit")
    parser.add_argument("--healer-role", type=_role, help="the role that looks for lost deliveries")
    parser.add_argument("--patience", type=float, default=PATIENCE_S, help="seconds")
    given = parser.parse_args()
    if given.owner is None:
        asyncio.run(wait_for_tables(given.service, ServiceSettings().database_url, given.patience))
        return
    if given.app_role is None or given.audit_role is None:
        parser.error("--owner needs --app-role and --audit-role")
    url = given.owner.read_text(encoding="utf-8").strip()
    asyncio.run(
        prepare(given.service, url, given.app_role, given.audit_role, given.patience, given.healer_role)
    )


def _role(name: str) -> str:
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name):
        raise argparse.ArgumentTypeError(f"{name!r} is no role name")
    return name


if __name__ == "__main__":
    main()
