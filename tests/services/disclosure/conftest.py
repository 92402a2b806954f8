"""A running disclosure per test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import NewDatabase
from tests.services.disclosure.house import DisclosureHouse, disclosure_house, shipped


@pytest.fixture
async def house(
    new_database: NewDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[DisclosureHouse]:
    """Disclosure on a fresh database."""
    database = await new_database("disclosure")
    async with disclosure_house(database.app, tmp_path, monkeypatch) as running:
        yield running


@pytest.fixture
async def catalogue(house: DisclosureHouse) -> DisclosureHouse:
    """Disclosure with one item published."""
    await house.publish("items", shipped("items", "tree-felling"))
    return house
