"""Durable servers of a run's own: PostgreSQL with fsync and RabbitMQ, as processes whose CPU can be seen."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.servers import PostgresServer, RabbitmqServer, postgres, rabbitmq
from libs.flow import FLOW

_FROM_THE_MACHINE = {
    "ONEWINDOW_POSTGRES_IMAGE": "onewindow/none",
    "ONEWINDOW_RABBITMQ_IMAGE": "onewindow/none",
}  # a container's processes are not below us: their CPU would be missing
_GIVEN = ("ONEWINDOW_POSTGRES_URL", "ONEWINDOW_RABBITMQ_URL")


@dataclass
class Servers:
    """What one run may use, and the process trees to measure."""

    postgres: PostgresServer
    broker: RabbitmqServer

    @property
    def roots(self) -> dict[str, Sequence[int]]:
        """For `Meter`."""
        return {"postgresql": [_pid(self.postgres)], "rabbitmq": [_pid(self.broker)]}


def _pid(server: PostgresServer | RabbitmqServer) -> int:
    if server.child is None:
        raise RuntimeError("the benchmark measures servers of its own")
    return server.child.pid


@contextmanager
def seen_processes() -> Iterator[None]:
    """Within this, servers (also a whole center's) start as processes of ours, not in containers or elsewhere."""
    before = {name: os.environ.get(name) for name in (*_FROM_THE_MACHINE, *_GIVEN)}
    os.environ.update(_FROM_THE_MACHINE)
    for name in _GIVEN:
        os.environ.pop(name, None)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@contextmanager
def servers(definitions: Mapping[str, Any], run_dir: Path) -> Iterator[Servers]:
    """A PostgreSQL and a RabbitMQ with these definitions, both writing through to the disk."""
    with (
        seen_processes(),
        postgres(run_dir, durable=True) as database,
        rabbitmq(definitions, run_dir, max_message_bytes=FLOW.max_message_bytes) as broker,
    ):
        yield Servers(database, broker)
