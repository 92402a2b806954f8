"""The container engine's own commands, where compose has none."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from deploy.compose.project import ComposeFailed, Project

COMMAND_S = 120


def docker(*arguments: str) -> str:
    """What a command of the engine printed; ComposeFailed when it did not succeed."""
    done = subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, timeout=COMMAND_S, check=False
    )
    if done.returncode != 0:
        raise ComposeFailed(f"docker {arguments[0]}: {(done.stderr or done.stdout).strip()[-600:]}")
    return done.stdout.strip()


def inspected(container: str) -> dict[str, Any]:
    """What the engine knows of a container."""
    found: dict[str, Any] = json.loads(docker("inspect", container))[0]
    return found


def running(project: Project, service: str) -> str:
    """The id of a service's container."""
    return project.compose("ps", "--quiet", service).strip()
