"""What each image and process of a running center costs: size, time to ready, memory."""

from __future__ import annotations

import json
import subprocess

from rich.table import Table

from deploy.compose.engine import docker, inspected
from deploy.compose.project import Project

LABEL = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"


def image_line(image: str) -> str:
    """Its size, and what our own layers add to the base."""
    layers = docker("history", "--no-trunc", "--human=false", "--format", "{{.Size}} {{.CreatedBy}}", image)
    ours = 0
    for line in layers.splitlines():
        size, _, made = line.partition(" ")
        ours += int(size) if any(word in made for word in ("/app", "/opt/venv", "onewindow")) else 0
    whole = int(docker("image", "inspect", "-f", "{{.Size}}", image))
    return f"{whole / 1e6:.0f} MB, {ours / 1e6:.0f} MB of it ours"


class Watcher:
    """Follows the engine's events of one center from now on; the engine itself remembers few of them."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._told = project.state / "events.jsonl"
        command = [
            "docker", "events", "--format", "json", "--filter", f"label={LABEL}={project.name}",
            "--filter", "event=start", "--filter", "event=health_status",
        ]  # fmt: skip
        with self._told.open("wb") as told:
            self._process = subprocess.Popen(command, stdout=told, stderr=subprocess.DEVNULL)

    def close(self) -> None:
        """Follow no longer."""
        self._process.terminate()
        self._process.wait(10)

    def table(self) -> Table:
        """Every running container: size of its image, seconds from its first start to healthy, memory now."""
        wanted = docker("ps", "--quiet", "--filter", f"label={LABEL}={self._project.name}").split()
        lines = docker("stats", "--no-stream", "--format", "json", *wanted).splitlines()
        memory = {
            row["ID"][:12]: row["MemUsage"].partition(" / ")[0].strip() for row in map(json.loads, lines)
        }
        ready = self._seconds_to_ready()
        drawn = Table(
            "container", "image MB", "ready s", "memory", box=None, header_style="bold", pad_edge=False
        )
        rows = []
        for short in wanted:
            told = inspected(short)
            size = int(docker("image", "inspect", "-f", "{{.Size}}", told["Image"])) / 1e6
            name = told["Config"]["Labels"][SERVICE]
            rows.append((name, f"{size:.0f}", ready.get(name, "–"), memory.get(short[:12], "?")))
        for row in sorted(rows):
            drawn.add_row(*row)
        return drawn

    def _seconds_to_ready(self) -> dict[str, str]:
        started: dict[str, int] = {}
        ready: dict[str, str] = {}
        for event in map(json.loads, self._told.read_text(encoding="utf-8").splitlines()):
            name, at = event["Actor"]["Attributes"][SERVICE], event["timeNano"]
            if event["Action"] == "start":
                started.setdefault(name, at)
            elif event["Action"].endswith(": healthy") and name in started:
                ready.setdefault(name, f"{(at - started[name]) / 1e9:.1f}")
        return ready
