"""Clients of the toy center: they keep their keys, retry, give up, ask again, and write down what they were told."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.faults.stage import DEPARTMENTS, KINDS_OF_ROLE, Stage

PAUSE_S = 0.35
TIMEOUT_S = 4.0


@dataclass
class History:
    """One line per call and per fault, as it happened."""

    path: Path
    lines: list[dict[str, Any]] = field(default_factory=list)
    begun: float = field(default_factory=time.monotonic)

    def note(self, **what: Any) -> None:
        """Write one line."""
        line = {"t": round(time.monotonic() - self.begun, 3), **what}
        self.lines.append(line)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")

    def of(self, phase: str) -> list[dict[str, Any]]:
        """The lines of one phase."""
        return [line for line in self.lines if line.get("phase") == phase]


class Clients:
    """A few closed-loop applicants, each with a random source of its own from the seed."""

    def __init__(self, stage: Stage, history: History, seed: int, number: int = 4) -> None:
        self._stage = stage
        self._history = history
        self._seed = seed
        self._number = number
        self._stopped = asyncio.Event()
        self._count = 0

    async def run(self) -> None:
        """Apply until stopped."""
        await asyncio.gather(*(self._client(index) for index in range(self._number)))

    def stop(self) -> None:
        """Nobody applies any more; what is under way is finished."""
        self._stopped.set()

    async def _client(self, index: int) -> None:
        dice = random.Random(f"{self._seed} client {index}")
        while not self._stopped.is_set():
            self._count += 1
            wanted = dice.sample(DEPARTMENTS, dice.randint(1, len(DEPARTMENTS)))
            await self.apply(dice, f"key-{self._seed}-{index}-{self._count:06d}", self._count, wanted)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), PAUSE_S * dice.uniform(0.3, 1.7))

    async def apply(
        self, dice: random.Random, key: str, number: int, departments: list[str], poison: str = ""
    ) -> str | None:
        """Ask for one case until answered or tired; the answer's bytes. The same key again gives the same bytes."""
        body = {"number": number, "departments": departments, "poison": poison}
        self._history.note(phase="invoke", key=key, body=body)
        answer = await self._until_answered(dice, key, body)
        if answer is None:
            self._history.note(phase="info", key=key)
            return None
        self._history.note(phase="ok", key=key, answer=answer)
        if dice.random() < 0.25:
            again = await self._once(dice, key, body)
            if again is not None:
                self._history.note(phase="again", key=key, answer=again)
        return answer

    async def _until_answered(self, dice: random.Random, key: str, body: dict[str, Any]) -> str | None:
        while True:
            answer = await self._once(dice, key, body)
            if answer is not None or dice.random() < 0.15:
                return answer
            await asyncio.sleep(dice.uniform(0.05, 0.4))

    async def _once(self, dice: random.Random, key: str, body: dict[str, Any]) -> str | None:
        name = dice.choice(KINDS_OF_ROLE["intake"])
        url = f"http://127.0.0.1:{self._stage.edges[f'client>{name}'].port}/api/applications"
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
                told = await client.post(url, json=body, headers={"Idempotency-Key": key})
        except (httpx.HTTPError, OSError) as lost:
            self._history.note(phase="lost", key=key, error=type(lost).__name__)
            return None
        if told.status_code == 201:
            return told.text
        self._history.note(phase="refused", key=key, status=told.status_code)
        return None
