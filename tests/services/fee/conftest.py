"""A fee database of its own on the test run's PostgreSQL, for tests of the books and of the deeds."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import asyncpg
import hypothesis
import pytest

from deploy.servers import PostgresServer
from deploy.servers.databases import Database, create_database

# A busy machine must not fail a property: what is judged here is the answer, not how fast it came.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


@dataclass(frozen=True)
class Books:
    """Addresses of one fee database: as its owner, as the service, as the audit, as a superuser."""

    owner: str
    app: str
    audit: str
    superuser: str


@pytest.fixture(scope="session")
def books(postgres_server: PostgresServer) -> Books:
    """One migrated database for all tests of the books; they keep apart by their bill numbers."""
    made = asyncio.run(create_database(postgres_server, "fee", suffix=f"_{secrets.token_hex(3)}"))
    superuser = postgres_server.url.rpartition("/")[0] + f"/{made.name}"
    return Books(made.owner, made.app, made.audit, superuser)


@pytest.fixture(scope="session")
def pattern(postgres_server: PostgresServer) -> Database:
    """A migrated database that nobody connects to: copying it is quicker than migrating again."""
    return asyncio.run(create_database(postgres_server, "fee", suffix=f"_{secrets.token_hex(3)}"))


NewBooks = Callable[[], Awaitable[str]]


@pytest.fixture
async def new_books(postgres_server: PostgresServer, pattern: Database) -> AsyncIterator[NewBooks]:
    """``await new_books()``: the address, as the service, of a fresh fee database, dropped after the test."""
    admin = await asyncpg.connect(postgres_server.url)
    names: list[str] = []

    async def create() -> str:
        names.append(f"fee_{secrets.token_hex(4)}")
        await admin.execute(f"CREATE DATABASE {names[-1]} TEMPLATE {pattern.name}")
        return pattern.app.rpartition("/")[0] + f"/{names[-1]}"

    yield create
    for name in names:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()
