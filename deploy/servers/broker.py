"""A RabbitMQ of our own: given by address, in a container, or started from what the machine has.

The node has its own port mapper, cookie, data and ports on 127.0.0.1, and imports its definitions (accounts,
exchanges, queues, rights) before it takes the first connection.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from deploy.servers import machine
from deploy.servers.children import Child, ServerFailed, free_ports, own_folder, wait_until
from deploy.servers.containers import container

OPERATOR = "onewindow_operator"
VHOST = "permit"
START_S = 90.0
HEARTBEAT_S = 10
CONSUMER_TIMEOUT_MS = 86_400_000  # unacknowledged deliveries are how a consumer waits for its database
PACKAGES = ["rabbitmq-server"]
_WHAT_TO_TYPE = (
    "No RabbitMQ: ONEWINDOW_RABBITMQ_URL is not set, no container engine answers, none is installed.\n"
    "Type (as root): apt-get install -y rabbitmq-server"
)


def password_hash(password: str) -> str:
    """The form in which a definitions file carries a password."""
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


@dataclass
class RabbitmqServer:
    """A running RabbitMQ; ``child`` is None when it was given by address and is not ours to stop.

    ``management`` is the management API's address with an administrator's name and password.
    """

    host: str
    management: str
    prometheus: str | None = None
    child: Child | None = None
    _mapper: Child | None = field(default=None, repr=False)

    def address(self, account: str, password: str, vhost: str = VHOST) -> str:
        """The AMQP address for an account."""
        return f"amqp://{quote(account)}:{quote(password)}@{self.host}/{quote(vhost, safe='')}"

    def operator(self) -> httpx.Client:
        """A client of the management API (paths begin with /api)."""
        parts = urlsplit(self.management)
        base = f"{parts.scheme}://{parts.hostname}:{parts.port}"
        return httpx.Client(base_url=base, auth=(parts.username or "", parts.password or ""), timeout=10)

    def kill(self) -> None:
        """kill -9, as an accident would."""
        if self.child is not None:
            self.child.kill()

    def restart(self) -> None:
        """Start it again on the same data and ports; returns when it answers."""
        if self.child is None:
            return
        self.child.stop()
        if self._mapper is not None and not self._mapper.alive:
            self._mapper.start()
        self.child.start()
        self.wait()

    def wait(self) -> None:
        """Return when the node has booted, its queues have leaders and it takes connections."""
        wait_until(self._ready, "RabbitMQ does not answer", self.child, START_S, pause_s=0.15)

    def _ready(self) -> bool:
        try:
            with self.operator() as client:
                return self._listens(client)
        except (httpx.HTTPError, ValueError):
            return False

    def _listens(self, client: httpx.Client) -> bool:
        overview = client.get("/api/overview").json()
        if not any(each.get("protocol") == "amqp" for each in overview.get("listeners", [])):
            return False
        queues = client.get("/api/queues", params={"columns": "name,type,leader,state"}).json()
        return all(queue.get("state", "running") == "running" for queue in queues)


@contextmanager
def rabbitmq(
    definitions: Mapping[str, Any], run_dir: Path, *, max_message_bytes: int = 262_144
) -> Iterator[RabbitmqServer]:
    """A RabbitMQ with these definitions for as long as the context lasts; its data is removed at the end.

    Raises Missing with the line to type, or ServerFailed.
    """
    given = os.environ.get("ONEWINDOW_RABBITMQ_URL")
    if given:
        yield _given(given, definitions)
        return
    run_dir = run_dir.absolute()
    run_dir.mkdir(parents=True, exist_ok=True)
    password = secrets.token_urlsafe(18)
    definitions_file = run_dir / "definitions.json"
    definitions_file.write_text(json.dumps(with_operator(definitions, password), ensure_ascii=False))
    image = os.environ.get("ONEWINDOW_RABBITMQ_IMAGE", machine.RABBITMQ_IMAGE)
    if machine.has_image(image) or (machine.rabbitmq_server() is None and machine.pull(image)):
        opened = _in_container(image, run_dir, definitions_file, password, max_message_bytes)
    else:
        opened = _on_machine(_program(), run_dir, definitions_file, password, max_message_bytes)
    with opened as server:
        yield server


def _given(url: str, definitions: Mapping[str, Any]) -> RabbitmqServer:
    """Somebody's broker: the definitions are imported through its management API."""
    management = os.environ.get("ONEWINDOW_RABBITMQ_MANAGEMENT_URL")
    if not management:
        raise machine.Missing(
            "ONEWINDOW_RABBITMQ_URL is set, but not where its management API is.\n"
            "Type: export ONEWINDOW_RABBITMQ_MANAGEMENT_URL=http://administrator:password@host:15672"
        )
    server = RabbitmqServer(urlsplit(url).netloc.rpartition("@")[2], management)
    with server.operator() as client:
        answer = client.post("/api/definitions", json=dict(definitions))
        if answer.status_code >= 300:
            raise ServerFailed(f"RabbitMQ refused the definitions: {answer.text[:400]}")
    server.wait()
    return server


def with_operator(definitions: Mapping[str, Any], password: str) -> dict[str, Any]:
    """The definitions plus the administrator's account by which we watch this node."""
    user = {
        "name": OPERATOR,
        "password_hash": password_hash(password),
        "tags": ["administrator"],
        "hashing_algorithm": "rabbit_password_hashing_sha256",
    }
    rights = [
        {"user": OPERATOR, "vhost": vhost["name"], "configure": ".*", "write": ".*", "read": ".*"}
        for vhost in definitions.get("vhosts", [])
    ]
    return {
        **definitions,
        "users": [*definitions.get("users", []), user],
        "permissions": [*definitions.get("permissions", []), *rights],
    }


def _settings(definitions_file: str, max_message_bytes: int) -> dict[str, str | int]:
    return {
        "load_definitions": definitions_file,
        "consumer_timeout": CONSUMER_TIMEOUT_MS,
        "max_message_size": max_message_bytes,
        "heartbeat": HEARTBEAT_S,
        "log.file": "false",
        "log.console": "true",
        "log.console.level": "warning",
        "vm_memory_high_watermark.relative": "0.6",
        "disk_free_limit.absolute": "64MB",
    }


def _written(settings: Mapping[str, str | int]) -> str:
    return "".join(f"{name} = {value}\n" for name, value in settings.items())


def _program() -> Path:
    found = machine.rabbitmq_server()
    if found is None and machine.can_install():
        machine.install(PACKAGES)
        found = machine.rabbitmq_server()
    if found is None:
        raise machine.Missing(_WHAT_TO_TYPE)
    return found


@contextmanager
def _on_machine(
    program: Path, run_dir: Path, definitions_file: Path, password: str, max_message_bytes: int
) -> Iterator[RabbitmqServer]:
    folder = own_folder(run_dir, "rabbitmq", None)
    amqp, management, metrics, mapper_port, distribution = free_ports(5)
    local: dict[str, str | int] = {
        "listeners.tcp.1": f"127.0.0.1:{amqp}",
        "management.tcp.ip": "127.0.0.1",
        "management.tcp.port": management,
        "prometheus.tcp.ip": "127.0.0.1",
        "prometheus.tcp.port": metrics,
    }
    (folder / "rabbitmq.conf").write_text(
        _written({**_settings(str(definitions_file), max_message_bytes), **local})
    )
    (folder / "plugins").write_text("[rabbitmq_management,rabbitmq_prometheus].\n")
    env = _environment(folder, f"onewindow{amqp}@localhost", mapper_port, distribution)
    mapper = Child(
        "epmd", [machine.epmd(), "-port", str(mapper_port), "-address", "127.0.0.1"], run_dir, env=env
    )
    node = Child("rabbitmq", [str(program)], run_dir, env=env, cwd=str(folder), remove=[folder])
    try:
        mapper.start()
        node.start()
        server = RabbitmqServer(
            f"127.0.0.1:{amqp}",
            f"http://{OPERATOR}:{password}@127.0.0.1:{management}",
            f"http://127.0.0.1:{metrics}/metrics",
            node,
            mapper,
        )
        server.wait()
        yield server
    finally:
        node.close()
        mapper.close()
        shutil.rmtree(folder, ignore_errors=True)


def _environment(folder: Path, node_name: str, mapper_port: int, distribution_port: int) -> dict[str, str]:
    quiet = "+sbwt none +sbwtdcpu none +sbwtdio none"  # no busy waiting: the machine has other work
    return {
        "PATH": "/usr/lib/rabbitmq/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "RABBITMQ_NODENAME": node_name,
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_DIST_PORT": str(distribution_port),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{quiet} -kernel inet_dist_use_interface {{127,0,0,1}}",
        "ERL_EPMD_PORT": str(mapper_port),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
    }


def container_files(run_dir: Path, definitions_file: Path, max_message_bytes: int) -> dict[str, Path]:
    """What a node in a container is given: path inside to file here."""
    inside = "/etc/rabbitmq/onewindow-definitions.json"
    conf = run_dir / "rabbitmq.conf"
    conf.write_text(_written(_settings(inside, max_message_bytes)))
    plugins = run_dir / "enabled_plugins"
    plugins.write_text("[rabbitmq_management,rabbitmq_prometheus].\n")
    for path in (conf, plugins, definitions_file):
        path.chmod(0o644)
    return {
        "/etc/rabbitmq/conf.d/90-onewindow.conf": conf,
        "/etc/rabbitmq/enabled_plugins": plugins,
        inside: definitions_file,
    }


@contextmanager
def _in_container(
    image: str, run_dir: Path, definitions_file: Path, password: str, max_message_bytes: int
) -> Iterator[RabbitmqServer]:
    amqp, management, metrics = free_ports(3)
    files = container_files(run_dir, definitions_file, max_message_bytes)
    ports = {amqp: 5672, management: 15672, metrics: 15692}
    with container("rabbitmq", image, run_dir, {}, ports, files=files) as child:
        server = RabbitmqServer(
            f"127.0.0.1:{amqp}",
            f"http://{OPERATOR}:{password}@127.0.0.1:{management}",
            f"http://127.0.0.1:{metrics}/metrics",
            child,
        )
        server.wait()
        yield server
