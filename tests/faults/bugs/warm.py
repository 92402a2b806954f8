"""Runs pytest in many trees without importing the libraries anew each time: imports them once, forks per run.

One JSON order per line on standard input (root, tests, env, log); one line with pytest's status per run. Imports
nothing of ours itself, so that every run takes our code from its own tree.
"""

from __future__ import annotations

import importlib
import json
import os
import sys

PRELOADED = (
    "pytest", "pytest_asyncio", "pytest_timeout", "sqlalchemy.ext.asyncio", "asyncpg", "alembic.command", "fastapi",
    "faststream.rabbit", "aio_pika", "pydantic_settings", "opentelemetry.sdk.trace", "httpx", "uvicorn", "yaml",
    "structlog", "joserfc.jwt", "rich.console", "rich.progress", "jinja2", "babel.dates", "prometheus_client",
    "cryptography.hazmat.primitives.asymmetric.ed25519", "testcontainers", "typer",
)  # fmt: skip
OPTIONS = ["-q", "-x", "-p", "no:cacheprovider", "--timeout", "90"]


def run(order: dict[str, object]) -> int:
    """One pytest run in a child of its own."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 3
    try:
        root = str(order["root"])
        log = os.open(str(order["log"]), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(log, stream)
        os.chdir(root)
        sys.path[0] = root
        os.environ.update(order["env"])  # type: ignore[call-overload]
        import pytest

        status = int(pytest.main([*OPTIONS, "--rootdir", root, *order["tests"]]))  # type: ignore[misc]
        sys.stdout.flush()
    finally:
        os._exit(status)


def main() -> None:
    """Obey until the input ends."""
    for name in PRELOADED:
        importlib.import_module(name)
    told = os.dup(1)
    for line in sys.stdin:
        os.write(told, f"{run(json.loads(line))}\n".encode())


if __name__ == "__main__":
    main()
