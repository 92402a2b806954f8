"""What this machine has (container engine, installed servers, packages) and how to get the rest."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

POSTGRES_IMAGE = "postgres:17"
RABBITMQ_IMAGE = "rabbitmq:4-management"
RABBITMQ_SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
_PULL_S = 300
_INSTALL_LOCK = Path(tempfile.gettempdir()) / "onewindow-install.lock"


class Missing(Exception):
    """Something the machine needs is not there; the text ends with the one line that mends it."""


def postgres_bin() -> Path | None:
    """The newest installed PostgreSQL's programs."""
    found = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()]
    return max(found, key=lambda path: float(re.sub(r"[^\d.]", "", path.parent.name) or 0), default=None)


def rabbitmq_server() -> Path | None:
    """Debian's RabbitMQ, without the wrapper that insists on the system's own node."""
    return RABBITMQ_SERVER if RABBITMQ_SERVER.exists() else None


def epmd() -> str:
    """Erlang's port mapper."""
    inside = (str(path) for path in Path("/usr/lib/erlang").glob("erts-*/bin/epmd"))
    found = shutil.which("epmd") or next(inside, None)
    if found is None:
        raise Missing("RabbitMQ is installed without Erlang's epmd. Type: apt-get install -y erlang-base")
    return found


@cache
def engine() -> str | None:
    """The container engine's command, when an engine answers and ONEWINDOW_ENGINE is not ``none``."""
    if os.environ.get("ONEWINDOW_ENGINE") == "none":
        return None
    for name in ("docker", "podman"):
        command = shutil.which(name)
        if command and _quiet([command, "version", "--format", "{{.Server.Version}}"], 10):
            return command
    return None


def docker_answers() -> bool:
    """Whether the engine that answers is Docker (compose and testcontainers speak to no other here)."""
    command = engine()
    return command is not None and Path(command).name == "docker"


def has_image(image: str) -> bool:
    """Whether the engine has the image already."""
    command = engine()
    return command is not None and _quiet([command, "image", "inspect", image], 20)


def pull(image: str) -> bool:
    """Fetch the image; false when it cannot be had from here."""
    command = engine()
    return command is not None and _quiet([command, "pull", image], _PULL_S)


def _quiet(command: list[str], seconds: float) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=seconds, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def can_install() -> bool:
    """Whether Debian's packages can be installed: apt and root."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(packages: list[str]) -> None:
    """Install Debian's packages without letting them start system services; raises Missing when it fails."""
    with _one_at_a_time(), _services_stay_down():
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
        if subprocess.run(command, env=env, capture_output=True, check=False).returncode == 0:
            return
        subprocess.run(["apt-get", "update", "-q"], env=env, capture_output=True, check=False)
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            last = (done.stderr or done.stdout).strip().splitlines()[-3:]
            raise Missing(f"{' '.join(last)}\nType: apt-get install -y {' '.join(packages)}")


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with _INSTALL_LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _services_stay_down() -> Iterator[None]:
    """Debian asks policy-rc.d before it starts a freshly installed service: 101 says no."""
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            policy.unlink(missing_ok=True)
