"""One database per service and per department, each with its own owner, its service's role and the audit's.

Rights are granted once, to a role nobody can log in as (``fee_app``); the role a service logs in as is a
member of it. CONNECT is taken from PUBLIC, so that no service's role can even open another one's database.
"""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass

import asyncpg

from deploy.servers.postgresql import PostgresServer
from libs.migration import upgrade

APP_CONNECTIONS = 20  # more than a service's pool: a runaway one must not take its neighbours' connections
_MEMBER = "GRANT {group} TO {role}"


@dataclass(frozen=True)
class Database:
    """Addresses of one database: as its owner, as the service, and as the audit (which may only read)."""

    name: str
    owner: str
    app: str
    audit: str


@dataclass(frozen=True)
class _Roles:
    owner: str
    app_rights: str
    audit_rights: str


async def create_database(
    server: PostgresServer,
    service: str,
    department: str | None = None,
    *,
    suffix: str = "",
    template: Database | None = None,
) -> Database:
    """A fresh database of ``service`` with its newest tables; ``suffix`` keeps several on one server apart.

    ``template`` is an existing database of the same service and suffix that nobody is connected to: copying
    it is many times faster than migrating again.
    """
    stem = f"{service}{suffix}"
    name = f"{service}_{department}{suffix}" if department else stem
    roles = _Roles(f"{stem}_owner", f"{stem}_app", f"{stem}_audit")
    passwords = {kind: secrets.token_urlsafe(18) for kind in ("owner", "app", "audit")}
    login = {kind: f"{name}_{kind}_login" for kind in passwords}
    admin = await asyncpg.connect(server.url)
    try:
        await _create_groups(admin, roles)
        for kind, group in zip(passwords, (roles.owner, roles.app_rights, roles.audit_rights), strict=True):
            await _create_login(admin, login[kind], passwords[kind], group)
        copied = f"TEMPLATE {template.name}" if template else "TEMPLATE template0 ENCODING 'UTF8'"
        await admin.execute(f"CREATE DATABASE {name} OWNER {roles.owner} {copied}")
        await admin.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
        await admin.execute(f"GRANT CONNECT ON DATABASE {name} TO {', '.join(login.values())}")
        if template:  # a copy takes over everything but its original's settings
            with contextlib.suppress(asyncpg.InvalidParameterValueError):  # a server without lz4
                await admin.execute(f"ALTER DATABASE {name} SET default_toast_compression TO lz4")
    finally:
        await admin.close()
    addresses = {kind: server.address(login[kind], passwords[kind], name) for kind in passwords}
    if template is None:
        await _lock_down(server, name, roles)
        await upgrade(service, addresses["owner"], roles.app_rights, roles.audit_rights)
    return Database(name, **addresses)


async def _create_groups(admin: asyncpg.Connection, roles: _Roles) -> None:
    for role in (roles.owner, roles.app_rights, roles.audit_rights):
        if not await admin.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
            await admin.execute(f"CREATE ROLE {role} NOLOGIN")


async def _create_login(admin: asyncpg.Connection, role: str, password: str, group: str) -> None:
    await admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{password}' CONNECTION LIMIT {APP_CONNECTIONS}")
    await admin.execute(_MEMBER.format(group=group, role=role))
    if group.endswith("_owner"):  # what the migration makes belongs to the group, whichever login ran it
        await admin.execute(f"ALTER ROLE {role} SET role TO {group}")
    if group.endswith("_audit"):
        await admin.execute(f"ALTER ROLE {role} SET default_transaction_read_only TO on")


async def _lock_down(server: PostgresServer, name: str, roles: _Roles) -> None:
    """Nobody but the owner may create anything; the service and the audit may look into the schema."""
    inside = await asyncpg.connect(server.url.rpartition("/")[0] + f"/{name}")
    try:
        await inside.execute(f"ALTER SCHEMA public OWNER TO {roles.owner}")
        await inside.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        await inside.execute(f"GRANT USAGE ON SCHEMA public TO {roles.app_rights}, {roles.audit_rights}")
    finally:
        await inside.close()
