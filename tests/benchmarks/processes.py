"""Child processes of a benchmark: told what to do by lines of JSON; they end when their input does."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
START_S, STOP_S = 240.0, 60.0
_LINE = 16 * 1024 * 1024


class ChildFailed(Exception):
    """A process of the benchmark ended, or answered what was no answer; the text quotes the end of its log."""


class TalkingChild:
    """One process; `ask` sends a command and returns its answer."""

    def __init__(
        self, name: str, command: Sequence[str], run_dir: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self._command = list(command)
        self._log = run_dir / f"{name}.log"
        self._env = env
        self._ids = itertools.count()
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start it and wait until it says that it has."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, cwd=ROOT, env=self._env, limit=_LINE, stderr=log,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), START_S)
        if not line:
            raise ChildFailed(f"{self.name} did not start:\n{self._tail()}")
        self._reader = asyncio.create_task(self._read())

    async def ask(self, seconds: float = 600.0, /, **command: Any) -> dict[str, Any]:
        """Send a command and wait for its answer; ChildFailed when the process ends instead."""
        assert self._process is not None
        assert self._process.stdin is not None
        number = next(self._ids)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        self._process.stdin.write(json.dumps({"id": number, **command}).encode() + b"\n")
        await self._process.stdin.drain()
        return await asyncio.wait_for(answer, seconds)

    async def stop(self) -> None:
        """End its input, wait, and kill it if it does not end."""
        if self._process is None:
            return
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_S)
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        if self._reader is not None:
            await self._reader

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            told = json.loads(line)
            self._waiting.pop(told["id"]).set_result(told)
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ChildFailed(f"{self.name} ended:\n{self._tail()}"))

    def _tail(self) -> str:
        with suppress(OSError):
            return "\n".join(self._log.read_text(errors="replace").splitlines()[-20:])
        return "(no log)"


def python(module: str, *arguments: str) -> list[str]:
    """The command of a module of ours in this environment."""
    return [sys.executable, "-m", module, *arguments]
