"""One migrated intake database for all tests of this folder; they keep apart by their cases."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.servers import PostgresServer
from deploy.servers.databases import Database, create_database
from tests.services.intake.door import Door, open_door
from tests.services.intake.house import IntakeHouse, intake_house, publish_catalogue


@pytest.fixture(scope="session")
def intake_database(postgres_server: PostgresServer) -> Database:
    """A migrated database; the tests connect as the service does."""
    return asyncio.run(create_database(postgres_server, "intake", suffix=f"_{secrets.token_hex(3)}"))


@pytest.fixture
async def house(
    intake_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[IntakeHouse]:
    """Intake at work, with the shipped calendars and items published."""
    async with intake_house(intake_database.app, tmp_path_factory.mktemp("keys")) as running:
        await publish_catalogue(running)
        yield running


@pytest.fixture
async def door(
    intake_database: Database, house: IntakeHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Door]:
    """Intake's app on the same database."""
    async with open_door(intake_database.app, tmp_path, house, monkeypatch) as opened:
        yield opened
