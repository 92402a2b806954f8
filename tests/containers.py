"""Servers in testcontainers: the first choice of the tests where an engine answers and has the images.

They look like the private servers of deploy/servers, so a test does not know which it got.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deploy.servers import PostgresServer, RabbitmqServer, machine
from deploy.servers.broker import OPERATOR, container_files, with_operator
from deploy.servers.children import Child, free_ports
from deploy.servers.postgresql import SUPERUSER, server_options


def image(variable: str, default: str) -> str | None:
    """The image to run, if an engine that testcontainers speak to answers and has it."""
    name = os.environ.get(variable, default)
    return name if machine.docker_answers() and machine.has_image(name) else None


class ContainerHandle(Child):
    """A testcontainer as a server's child: killed, started again, asked whether it lives."""

    container: Any = None

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        self.container.reload()
        return bool(self.container.status == "running")

    def kill(self) -> None:
        """kill -9 inside."""
        self.container.get_wrapped_container().kill()

    def stop(self) -> None:
        """Ask it to end; no error when it has ended already."""
        self.container.get_wrapped_container().stop(timeout=15)

    def start(self) -> None:
        """Start it again on its data and ports."""
        self.container.get_wrapped_container().start()


def _testcontainer(name: str, run_dir: Path) -> tuple[Any, ContainerHandle]:
    from testcontainers.core.config import testcontainers_config
    from testcontainers.core.container import DockerContainer

    if not machine.has_image(testcontainers_config.ryuk_image):  # the reaper's image; without it nothing would start
        testcontainers_config.ryuk_disabled = True
    container = DockerContainer(name)
    handle = ContainerHandle(name.partition(":")[0], [], run_dir)
    handle.container = container
    return container, handle


@contextmanager
def postgres_container(name: str, run_dir: Path) -> Iterator[PostgresServer]:
    """A PostgreSQL without fsync, its data gone with the context."""
    password, (port,) = secrets.token_urlsafe(18), free_ports(1)
    container, handle = _testcontainer(name, run_dir)
    container.ports["5432/tcp"] = ("127.0.0.1", port)
    container.with_command(["postgres", *server_options(durable=False)])
    container.with_envs(
        POSTGRES_USER=SUPERUSER, POSTGRES_PASSWORD=password, POSTGRES_DB="postgres",
        POSTGRES_INITDB_ARGS="--locale=C.UTF-8 --encoding=UTF8",
    )  # fmt: skip
    with container:
        server = PostgresServer(f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{port}/postgres", handle)
        server.wait()
        yield server


@contextmanager
def rabbitmq_container(
    name: str, definitions: Mapping[str, Any], run_dir: Path, max_message_bytes: int
) -> Iterator[RabbitmqServer]:
    """A RabbitMQ that has imported these definitions before it takes the first connection."""
    password, (amqp, management, metrics) = secrets.token_urlsafe(18), free_ports(3)
    run_dir.mkdir(parents=True, exist_ok=True)
    told = run_dir / "container-definitions.json"
    told.write_text(json.dumps(with_operator(definitions, password), ensure_ascii=False))
    container, handle = _testcontainer(name, run_dir)
    for ours, inside in ((amqp, 5672), (management, 15672), (metrics, 15692)):
        container.ports[f"{inside}/tcp"] = ("127.0.0.1", ours)
    for inside_path, path in container_files(run_dir, told, max_message_bytes).items():
        container.with_volume_mapping(path, inside_path, "ro")
    container.with_kwargs(hostname="rabbitmq")
    with container:
        server = RabbitmqServer(
            f"127.0.0.1:{amqp}",
            f"http://{OPERATOR}:{password}@127.0.0.1:{management}",
            f"http://127.0.0.1:{metrics}/metrics",
            handle,
        )
        server.wait()
        yield server
