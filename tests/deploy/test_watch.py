"""What dies is started again and counted; what keeps dying is given up, loudly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.launcher import watch as watching
from deploy.launcher.watch import MOST_DEATHS, Watch


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "PAUSE_S", 0.01)


async def _eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def test_dead_service_is_started_again_and_noted(tmp_path: Path) -> None:
    watch, started = Watch(tmp_path / "log"), []

    async def restart() -> None:
        started.append(1)

    watch.died("fee", "status -9", restart)
    await _eventually(lambda: bool(started))
    assert watch.restarts["fee"] == 1
    assert "fee died (status -9)" in (tmp_path / "log").read_text()
    assert watch.failure is None


async def test_service_that_keeps_dying_is_given_up(tmp_path: Path) -> None:
    watch = Watch(tmp_path / "log")

    async def restart() -> None:
        pass

    for _ in range(MOST_DEATHS):
        watch.died("fee", "status 1", restart)
    assert watch.failure == f"fee died {MOST_DEATHS} times within a minute (status 1)."
    await watch.end()


async def test_server_is_started_once_per_death(tmp_path: Path) -> None:
    watch, alive, started = Watch(tmp_path / "log"), True, []

    async def restart() -> None:
        nonlocal alive
        for _ in range(20):  # a restart takes a while; the watch must not start another one meanwhile
            await asyncio.sleep(0.005)
        started.append(1)
        alive = True

    watch.server("RabbitMQ", lambda: alive, restart)
    watch.begin()
    alive = False
    await _eventually(lambda: bool(started))
    await _eventually(lambda: watch.restarts["RabbitMQ"] == 1)
    await watch.end()


async def test_restart_that_fails_is_said(tmp_path: Path) -> None:
    watch = Watch(tmp_path / "log")

    async def restart() -> None:
        raise OSError("no such program")

    watch.died("RabbitMQ", "its process ended", restart)
    await _eventually(lambda: watch.failure is not None)
    assert watch.failure == "RabbitMQ could not be started again: no such program"
