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
from tests.services.fee.house import FeeHouse, fee_house
from tests.services.fee.ledger_rows import bill_rows, run, tariff_row, write
from tests.services.fee.story import tariff_published

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


@pytest.fixture(scope="session")
def published(books: Books) -> Books:
    """The books after the publication of a tariff, of one repealed and one to come."""
    rows = [
        tariff_row(),
        tariff_row(tariff_code="repealed", in_force_until="2026-01-05"),
        tariff_row(tariff_code="to-come", in_force_from="2026-02-01"),
        tariff_row(tariff_code="followed", version=1),
        tariff_row(tariff_code="followed", version=2, in_force_from="2026-01-06"),
        tariff_row(tariff_code="other-subject", subject_code="sample-other"),
    ]
    run(books.app, lambda connection: write(connection, {"tariff_versions": rows}))
    return books


@pytest.fixture
def bill_no(published: Books) -> str:
    """A lawful bill that waits for its payment."""
    rows = bill_rows()
    run(published.app, lambda connection: write(connection, rows))
    number: str = rows["bills"][0]["bill_no"]
    return number


@pytest.fixture
async def house(new_books: NewBooks) -> AsyncIterator[FeeHouse]:
    """Fee on a fresh database in which the tariff is published."""
    async with fee_house(await new_books(), payment_channel="demonstration", reference_secret="s") as running:
        await running.hear(tariff_published())
        yield running
