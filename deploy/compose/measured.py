"""What each image and process of a running center costs: size, time to ready, memory."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from rich.table import Table

from deploy.compose.engine import docker, inspected
from deploy.compose.project import Project


def image_line(image: str) -> str:
    """Its size, and what our own layers add to the base."""
    layers = docker("history", "--no-trunc", "--human=false", "--format", "{{.Size}} {{.CreatedBy}}", image)
    ours = 0
    for line in layers.splitlines():
        size, _, made = line.partition(" ")
        ours += int(size) if any(word in made for word in ("/app", "/opt/venv", "onewindow")) else 0
    return f"{int(docker('image', 'inspect', '-f', '{{.Size}}', image)) / 1e6:.0f} MB, {ours / 1e6:.0f} MB of it ours"


def table(project: Project) -> Table:
    """Every running container: seconds from its start to the first healthy answer, memory now, size of its image."""
    wanted = docker("ps", "--quiet", "--filter", f"label=com.docker.compose.project={project.name}").split()
    memory = {
        row["ID"][:12]: row["MemUsage"].partition(" / ")[0]
        for row in map(json.loads, docker("stats", "--no-stream", "--format", "json", *wanted).splitlines())
    }
    drawn = Table("container", "image MB", "ready s", "memory", box=None, header_style="bold", pad_edge=False)
    rows = []
    for short in wanted:
        told = inspected(short)
        size = int(docker("image", "inspect", "-f", "{{.Size}}", told["Image"])) / 1e6
        name = told["Config"]["Labels"]["com.docker.compose.service"]
        rows.append((name, f"{size:.0f}", _ready(told), memory.get(short[:12], "?")))
    for row in sorted(rows):
        drawn.add_row(*row)
    return drawn


def _ready(told: dict[str, Any]) -> str:
    log = (told["State"].get("Health") or {}).get("Log") or []
    first = next((entry for entry in log if entry["ExitCode"] == 0), None)
    if first is None:
        return "–"
    return f"{(_instant(first['End']) - _instant(told['State']['StartedAt'])).total_seconds():.1f}"


def _instant(text: str) -> datetime:
    """The engine tells nanoseconds; a zone of ours knows microseconds."""
    date, _, rest = text.replace("Z", "+00:00").partition(".")
    digits = rest[: len(rest) - 6].ljust(6, "0")[:6] if rest else "000000"
    return datetime.fromisoformat(f"{date[:19]}.{digits}{text.replace('Z', '+00:00')[-6:]}")
