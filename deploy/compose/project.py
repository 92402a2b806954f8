"""One center in containers as compose knows it: its name, size, ports and folder, and compose's commands on it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.compose.houses import Container, containers, sites
from deploy.compose.secrets import Secrets
from deploy.contracts.broker_definitions import OPERATOR

ROOT = Path(__file__).resolve().parents[2]
BUILD_S, UP_S = 1200, 600


class ComposeFailed(Exception):
    """A command of compose did not succeed; the text quotes the end of what it said."""


@dataclass
class Project:
    """What the variables of docker-compose.yml say, for one center."""

    name: str = "onewindow"
    size: str = "full"
    port: int = 8080
    postgres_port: int = 15432
    rabbitmq_port: int = 15672
    state: Path = ROOT / ".compose"
    profiles: tuple[str, ...] = ()
    more: dict[str, str] = field(default_factory=dict)

    @classmethod
    def told(cls) -> Project:
        """The center that this shell's variables, and .env where they are silent, describe."""
        said = {**_env_file(), **os.environ}
        return cls(
            name=said.get("COMPOSE_PROJECT_NAME", "onewindow"),
            size=said["ONEWINDOW_SIZE"],
            port=int(said["ONEWINDOW_PORT"]),
            postgres_port=int(said.get("ONEWINDOW_POSTGRES_PORT", "15432")),
            rabbitmq_port=int(said.get("ONEWINDOW_RABBITMQ_PORT", "15672")),
            state=Path(said.get("ONEWINDOW_STATE") or ROOT / ".compose").absolute(),
        )

    @property
    def public(self) -> str:
        """The address at which browsers and houses reach the center."""
        return os.environ.get("ONEWINDOW_PUBLIC") or f"http://onewindow.localhost:{self.port}"

    @property
    def local(self) -> str:
        """The same place for a program on this machine, whose resolver may not know the name."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def houses(self) -> list[Container]:
        """The houses of this center."""
        return containers(self.size)

    def secrets(self) -> Secrets:
        """Its passwords, keys and certificates."""
        return Secrets(self.state, self.public)

    @property
    def env(self) -> dict[str, str]:
        """The environment in which compose sees this center."""
        return {
            **os.environ,
            "COMPOSE_PROJECT_NAME": self.name,
            "COMPOSE_PROFILES": ",".join([self.size, *self.profiles]),
            "ONEWINDOW_SIZE": self.size,
            "ONEWINDOW_PORT": str(self.port),
            "ONEWINDOW_POSTGRES_PORT": str(self.postgres_port),
            "ONEWINDOW_RABBITMQ_PORT": str(self.rabbitmq_port),
            "ONEWINDOW_PUBLIC": self.public,
            "ONEWINDOW_STATE": str(self.state),
            **self.more,
        }

    def compose(self, *arguments: str, seconds: float = UP_S) -> str:
        """What a compose command printed; ComposeFailed when it did not succeed."""
        command = ["docker", "compose", "--progress", "plain", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=seconds, check=False
        )
        if done.returncode != 0:
            said = (done.stderr + done.stdout).strip().splitlines()[-40:]
            raise ComposeFailed(
                f"docker compose {' '.join(arguments)}: status {done.returncode}\n" + "\n".join(said)
            )
        return done.stdout

    def state_of(self) -> dict[str, dict[str, Any]]:
        """Every container of the center, by service: State, Health, ExitCode, ID."""
        lines = self.compose("ps", "--all", "--format", "json").splitlines()
        return {row["Service"]: row for row in map(json.loads, lines)}

    def up(self, services: Sequence[str] = ()) -> None:
        """Up and healthy, or ComposeFailed."""
        self.compose("up", "--detach", "--wait", "--wait-timeout", str(UP_S - 30), *services)

    def down(self) -> None:
        """Everything away, data too."""
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "20")

    def write_center(self) -> None:
        """The file by which `onewindow audit|letters|verify --run-dir` find this center."""
        told = self.secrets()
        at, ca = f"127.0.0.1:{self.postgres_port}", str(self.state / "tls" / "ca.crt")
        operator = told.broker_password(OPERATOR)
        center = {
            "sites": sites(self.houses, self.local),
            "issuer": f"{self.local}/provider",
            "driver_client": ["driver", told.password("driver_secret")],
            "databases": {house.file: told.database_url(house, "audit", at, ca) for house in self.houses},
            "key_directory": str(self.state / "secrets" / "directory.json"),
            "clock": str(self.state / "clock" / "clock.json"),
            "traces": str(self.state / "traces"),
            "management": f"http://{OPERATOR}:{operator}@127.0.0.1:{self.rabbitmq_port}",
            "departments": [house.department for house in self.houses if house.department],
        }
        path = self.state / "center.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(center, ensure_ascii=False, indent=1), encoding="utf-8")


def _env_file() -> dict[str, str]:
    lines = (ROOT / ".env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
