"""A private PostgreSQL with fee's own tables, its app role and its audit role, for tests of the books."""

from __future__ import annotations

import asyncio
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from libs.migration import upgrade

BIN = Path("/usr/lib/postgresql/15/bin")


@dataclass(frozen=True)
class Books:
    """Addresses of one fee database: as its owner, as the service, as the audit."""

    owner: str
    app: str
    audit: str


def _as_postgres(*command: str) -> None:
    line = list(command)
    if os.getuid() == 0:
        line = ["runuser", "-u", "postgres", "--", *line]
    subprocess.run(line, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd="/")


@pytest.fixture(scope="session")
def postgres_port() -> Iterator[int]:
    if not BIN.exists():
        pytest.skip("PostgreSQL 15 is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    folder = Path(tempfile.mkdtemp(prefix="onewindow-fee-"))
    if os.getuid() == 0:
        os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
    data = str(folder / "data")
    try:
        _as_postgres(
            str(BIN / "initdb"),
            "-D",
            data,
            "-A",
            "trust",
            "-U",
            "postgres",
            "-E",
            "UTF8",
            "--no-locale",
            "-N",
        )
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        _as_postgres(str(BIN / "pg_ctl"), "-D", data, "-o", options, "-l", f"{data}/log", "-w", "start")
        yield port
    finally:
        if (folder / "data" / "postmaster.pid").exists():
            _as_postgres(str(BIN / "pg_ctl"), "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def books(postgres_port: int) -> Books:
    """A migrated fee database; tests keep out of each other's way by using bill numbers of their own."""
    name = f"fee_{secrets.token_hex(4)}"
    base = f"127.0.0.1:{postgres_port}"

    async def build() -> None:
        connection = await asyncpg.connect(f"postgresql://postgres@{base}/postgres")
        for role in ("fee_owner", "fee_app", "fee_audit"):
            await connection.execute(f"CREATE ROLE {role} LOGIN")
        await connection.execute(f"CREATE DATABASE {name} OWNER fee_owner")
        await connection.close()
        await upgrade("fee", f"postgresql://fee_owner@{base}/{name}", "fee_app", "fee_audit")

    asyncio.run(build())
    return Books(*(f"postgresql://{role}@{base}/{name}" for role in ("fee_owner", "fee_app", "fee_audit")))
