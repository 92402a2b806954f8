"""Service processes as the launcher sees them: started through the nursery, followed to their end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class NurseryFailed(Exception):
    """The process that starts the services did not come up."""


@dataclass
class Running:
    """One service process: ``pid`` while it runs, ``ended`` counts its deaths by itself."""

    name: str
    log: Path
    pid: int | None = None
    status: int | None = None
    deaths: int = 0
    started: asyncio.Event = field(default_factory=asyncio.Event)


class Processes:
    """All service processes of one center, behind one nursery; they die with it, and it dies with us.

    ``preload=False`` spares the nursery its imports (for processes that are no services).
    """

    def __init__(self, logs: Path, on_death: Callable[[Running], None], *, preload: bool = True) -> None:
        self._logs = logs
        self._on_death = on_death
        self._arguments = [] if preload else ["--bare"]
        self._nursery: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._stopping = False
        self.running: dict[str, Running] = {}

    async def open(self) -> None:
        """Start the nursery; it imports while servers boot."""
        self._nursery = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "deploy.launcher.nursery",
            *self._arguments,
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=(self._logs / "nursery.log").open("ab"),
            start_new_session=True,
        )
        self._reader = asyncio.create_task(self._listen(), name="nursery")

    async def start(self, name: str, entry: str, arguments: list[str], env: Mapping[str, str]) -> None:
        """Start (again) the process ``name``: ``entry`` is module:function, ``arguments`` its sys.argv."""
        await self._ready.wait()
        if self._nursery is None or self._nursery.stdin is None or self._nursery.returncode is not None:
            raise NurseryFailed(f"the nursery ended; see {self._logs / 'nursery.log'}")
        running = self.running.setdefault(name, Running(name, self._logs / f"{name.replace('/', '.')}.log"))
        running.started.clear()
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("ONEWINDOW_")}
        order = {
            "name": name,
            "entry": entry,
            "arguments": arguments,
            "log": str(running.log),
            "env": {**inherited, **env},
        }
        self._nursery.stdin.write(json.dumps(order).encode() + b"\n")
        await self._nursery.stdin.drain()
        await running.started.wait()

    def kill(self, name: str) -> None:
        """kill -9, as an accident would."""
        pid = self.running[name].pid
        if pid is not None:
            os.killpg(pid, signal.SIGKILL)

    def terminate(self, name: str) -> None:
        """Ask one process to end; it counts as a death and is started again (a rolling restart)."""
        pid = self.running[name].pid
        if pid is not None:
            os.kill(pid, signal.SIGTERM)

    async def close(self) -> None:
        """End every process in good order, then the nursery."""
        self._stopping = True
        if self._nursery is None or self._nursery.stdin is None:
            return
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._nursery.stdin.close()
        try:
            await asyncio.wait_for(self._nursery.wait(), 15)
        except TimeoutError:
            self._nursery.kill()  # its children die with it
            await self._nursery.wait()
        if self._reader is not None:
            await self._reader

    async def _listen(self) -> None:
        assert self._nursery is not None
        assert self._nursery.stdout is not None
        async for line in self._nursery.stdout:
            told: dict[str, Any] = json.loads(line)
            if told["event"] == "ready":
                self._ready.set()
                continue
            running = self.running[told["name"]]
            if told["event"] == "started":
                running.pid, running.status = told["pid"], None
                running.started.set()
            elif running.pid == told["pid"]:
                running.pid, running.status = None, told["status"]
                if not self._stopping:
                    running.deaths += 1
                    self._on_death(running)
        self._ready.set()  # whoever waits for an order to be taken must learn that nobody will take it
        for running in self.running.values():
            running.started.set()
            if running.pid is not None and not self._stopping:
                running.pid, running.deaths = None, running.deaths + 1
                self._on_death(running)
