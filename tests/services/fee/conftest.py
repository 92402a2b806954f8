"""A fee database of its own on the test run's PostgreSQL, for tests of the books and of the deeds."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass

import pytest

from deploy.servers import PostgresServer
from deploy.servers.databases import create_database


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
