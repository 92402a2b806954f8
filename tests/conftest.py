"""Servers for tests: one private PostgreSQL and RabbitMQ per test process, started when first asked for.

Given by address if one is given; else testcontainers where an engine answers and has the images
(ONEWINDOW_POSTGRES_IMAGE, ONEWINDOW_RABBITMQ_IMAGE; ONEWINDOW_ENGINE=none forgoes them); else the machine's own.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from deploy.servers import Missing, PostgresServer, RabbitmqServer, machine, postgres, rabbitmq
from deploy.servers.accounts import Accounts
from deploy.servers.databases import Database, create_database
from tests.center import WholeCenter, whole_center
from tests.containers import image, postgres_container, rabbitmq_container

settings.register_profile("any_machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any_machine")  # how fast this machine is at the moment is no property of the code

TEST_DEPARTMENTS = ("fire", "planning", "water", "urban_management", "traffic_police", "pipelines")


# Files whose tests need a whole center; they share one, and so the process it belongs to.
WHOLE = (
    "tests/flow/",
    "tests/browser/test_journey.py",
    "tests/faults/test_killed_during_the_story.py",
    "tests/operate/test_live.py",
)


def _needs_center(nodeid: str) -> bool:
    return nodeid.startswith(WHOLE)


class ByCenter(LoadScopeScheduling):
    """Processes share the tests: a file stays in one of them, all that need a whole center in the same one."""

    def _split_scope(self, nodeid: str) -> str:
        return "center" if _needs_center(nodeid) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByCenter:
    """How ``-n`` divides the tests."""
    return ByCenter(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first."""
    items.sort(key=lambda item: not _needs_center(item.nodeid))


@pytest.fixture(scope="session")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the servers of this test process keep data and logs."""
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="session")
def postgres_server(run_dir: Path) -> Iterator[PostgresServer]:
    """A PostgreSQL without fsync."""
    name = image("ONEWINDOW_POSTGRES_IMAGE", machine.POSTGRES_IMAGE)
    opened: AbstractContextManager[PostgresServer]
    if name and not os.environ.get("ONEWINDOW_POSTGRES_URL"):
        opened = postgres_container(name, run_dir)
    else:
        opened = postgres(run_dir, durable=False)
    try:
        with opened as server:
            yield server
    except Missing as missing:
        pytest.fail(str(missing), pytrace=False)


@pytest.fixture(scope="session")
def accounts() -> Accounts:
    """The broker's accounts with their passwords, for all services and TEST_DEPARTMENTS."""
    return Accounts.fresh(TEST_DEPARTMENTS)


@pytest.fixture(scope="session")
def rabbitmq_server(run_dir: Path, accounts: Accounts) -> Iterator[RabbitmqServer]:
    """A RabbitMQ with the exchanges, queues and rights that contracts/flow.yaml gives."""
    definitions, limit = accounts.definitions(), accounts.max_message_bytes
    name = image("ONEWINDOW_RABBITMQ_IMAGE", machine.RABBITMQ_IMAGE)
    opened: AbstractContextManager[RabbitmqServer]
    if name and not os.environ.get("ONEWINDOW_RABBITMQ_URL"):
        opened = rabbitmq_container(name, definitions, run_dir, limit)
    else:
        opened = rabbitmq(definitions, run_dir, max_message_bytes=limit)
    try:
        with opened as server:
            yield server
    except Missing as missing:
        pytest.fail(str(missing), pytrace=False)


NewDatabase = Callable[..., Awaitable[Database]]


@pytest.fixture
def new_database(postgres_server: PostgresServer) -> NewDatabase:
    """``await new_database("fee")`` or ``("review", "fire")``: a fresh, migrated database with its roles."""

    async def create(service: str, department: str | None = None) -> Database:
        return await create_database(postgres_server, service, department, suffix=f"_{secrets.token_hex(3)}")

    return create


@pytest.fixture(scope="session")
def center(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeCenter]:
    """A whole center with the shipped catalogue; its business clock stands until a test advances it."""
    with whole_center(tmp_path_factory.mktemp("center")) as whole:
        yield whole
