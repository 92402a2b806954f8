"""What several of the backbone's tests begin with."""

from __future__ import annotations

import pytest

from deploy.servers import PostgresServer
from tests.libs.toys import fresh_database, unchecked_contracts


@pytest.fixture
def contracts_unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What toys say need not fit the center's schemas."""
    unchecked_contracts(monkeypatch)


@pytest.fixture
async def database(postgres_server: PostgresServer) -> str:
    """The address of an empty database with the backbone's and the toy's tables."""
    return await fresh_database(postgres_server)
