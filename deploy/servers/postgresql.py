"""A PostgreSQL of our own: given by address, in a container, or started from what the machine has."""

from __future__ import annotations

import asyncio
import os
import pwd
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import asyncpg

from deploy.servers import machine
from deploy.servers.children import Child, free_ports, own_folder, wait_until
from deploy.servers.containers import container

SUPERUSER = "onewindow_admin"
MAX_CONNECTIONS = 300
START_S = 60.0
PACKAGES = ["postgresql", "postgresql-contrib"]
_WHAT_TO_TYPE = (
    "No PostgreSQL: ONEWINDOW_POSTGRES_URL is not set, no container engine answers, none is installed.\n"
    "Type (as root): apt-get install -y postgresql"
)


@dataclass
class PostgresServer:
    """A running PostgreSQL; ``child`` is None when it was given by address and is not ours to stop."""

    url: str
    child: Child | None = None

    @property
    def host(self) -> str:
        """host:port"""
        return urlsplit(self.url).netloc.rpartition("@")[2]

    def address(self, role: str, password: str, database: str) -> str:
        """The address of a database for a role."""
        return f"postgresql://{quote(role)}:{quote(password)}@{self.host}/{database}"

    def kill(self) -> None:
        """kill -9, as an accident would."""
        if self.child is not None:
            self.child.kill()

    def restart(self) -> None:
        """Start it again on the same data and port; returns when it answers."""
        if self.child is not None:
            self.child.stop()
            self.child.start()
            self.wait()

    def wait(self) -> None:
        """Return when it answers a query; raises ServerFailed after a minute."""
        wait_until(lambda: _answers(self.url), "PostgreSQL does not answer", self.child, START_S)


def _answers(url: str) -> bool:
    async def ask() -> bool:
        connection = await asyncpg.connect(url, timeout=5)
        try:
            return bool(await connection.fetchval("SELECT true"))
        finally:
            await connection.close()

    try:
        with ThreadPoolExecutor(1) as aside:  # the caller may be inside an event loop
            return aside.submit(asyncio.run, ask()).result()
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False


@contextmanager
def postgres(run_dir: Path, *, durable: bool = True) -> Iterator[PostgresServer]:
    """A PostgreSQL for as long as the context lasts; its data is removed at the end.

    ``durable=False`` switches fsync off (tests). Raises Missing with the line to type, or ServerFailed.
    """
    given = os.environ.get("ONEWINDOW_POSTGRES_URL")
    if given:
        server = PostgresServer(given)
        server.wait()
        yield server
        return
    run_dir = run_dir.absolute()
    run_dir.mkdir(parents=True, exist_ok=True)
    settings = _settings(durable)
    image = os.environ.get("ONEWINDOW_POSTGRES_IMAGE", machine.POSTGRES_IMAGE)
    if machine.has_image(image) or (machine.postgres_bin() is None and machine.pull(image)):
        opened = _in_container(image, run_dir, settings)
    else:
        opened = _on_machine(_programs(), run_dir, settings)
    with opened as server:
        yield server


def _programs() -> Path:
    found = machine.postgres_bin()
    if found is None and machine.can_install():
        machine.install(PACKAGES)
        found = machine.postgres_bin()
    if found is None:
        raise machine.Missing(_WHAT_TO_TYPE)
    return found


def _settings(durable: bool) -> dict[str, str]:
    common = {
        "max_connections": str(MAX_CONNECTIONS),
        "shared_buffers": "128MB",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "max_wal_size": "2GB",
        "checkpoint_timeout": "15min",
        "logging_collector": "off",
        "jit": "off",
    }
    return (
        common
        if durable
        else {**common, "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    )


def server_options(*, durable: bool) -> list[str]:
    """The command line of a server as we run it."""
    return _options(_settings(durable))


def _options(settings: dict[str, str]) -> list[str]:
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


@contextmanager
def _on_machine(programs: Path, run_dir: Path, settings: dict[str, str]) -> Iterator[PostgresServer]:
    user = _unprivileged() if os.geteuid() == 0 else None
    folder = own_folder(run_dir, "postgresql", user)
    password, (port,) = secrets.token_urlsafe(18), free_ports(1)
    child = Child(
        "postgresql",
        [
            str(programs / "postgres"),
            "-D",
            str(folder / "data"),
            "-p",
            str(port),
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "unix_socket_directories=",
            *_options(settings),
        ],
        run_dir,
        env=_environment(),
        user=user,
        stop_signal=signal.SIGINT,
        orphan_signal=signal.SIGQUIT,
        remove=[folder],
    )
    try:
        _initialise(programs, folder, user, password)
        child.start()
        server = PostgresServer(f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{port}/postgres", child)
        server.wait()
        yield server
    finally:
        child.close()
        shutil.rmtree(folder, ignore_errors=True)


def _initialise(programs: Path, folder: Path, user: str | None, password: str) -> None:
    secret = folder / "password"
    secret.touch(mode=0o600)
    secret.write_text(password)
    if user is not None:
        shutil.chown(secret, user)
    command = [
        str(programs / "initdb"),
        "-D",
        str(folder / "data"),
        "-U",
        SUPERUSER,
        "-A",
        "scram-sha-256",
        "--pwfile",
        str(secret),
        "-E",
        "UTF8",
        "--locale",
        "C.UTF-8",
        "--no-sync",
    ]
    done = subprocess.run(
        command,
        user=user,
        extra_groups=None if user is None else [],
        cwd="/",
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    secret.unlink()
    if done.returncode != 0:
        raise machine.Missing(f"initdb failed: {done.stderr.strip()[-500:]}")


def _environment() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _unprivileged() -> str:
    """PostgreSQL refuses to run as root: the packages' own account, or nobody."""
    names = {account.pw_name for account in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


@contextmanager
def _in_container(image: str, run_dir: Path, settings: dict[str, str]) -> Iterator[PostgresServer]:
    password, (port,) = secrets.token_urlsafe(18), free_ports(1)
    variables = {
        "POSTGRES_USER": SUPERUSER,
        "POSTGRES_PASSWORD": password,
        "POSTGRES_DB": "postgres",
        "POSTGRES_INITDB_ARGS": "--locale=C.UTF-8 --encoding=UTF8",
    }
    with container("postgresql", image, run_dir, variables, {port: 5432}, _options(settings)) as child:
        server = PostgresServer(f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{port}/postgres", child)
        server.wait()
        yield server
