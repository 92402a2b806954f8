"""What befalls a center in containers in the middle of its story."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from datetime import timedelta
from typing import Protocol
from urllib.parse import urlsplit

import httpx
from rich.console import Console

from deploy.compose.engine import docker, inspected, running
from deploy.compose.story import START, Composed

BACK_S = 120.0


class NotMended(RuntimeError):
    """What was killed did not come back as it should."""


class Told(Protocol):
    """Who is told what happened, and what is not tried here."""

    console: Console

    def skip(self, what: str, why: str) -> None:
        """Not tried."""


async def befall(tell: Told, center: Composed) -> None:
    """In the middle of the story: a house killed and replaced by another container; the broker's process killed."""
    project = center.project
    await _passed(center, timedelta(days=1, hours=3))
    before = await asyncio.to_thread(running, project, "intake")
    begun = time.monotonic()
    await asyncio.to_thread(docker, "kill", before)
    await asyncio.to_thread(docker, "rm", "--force", before)
    await asyncio.to_thread(project.compose, "up", "--detach", "--wait", "--no-deps", "intake")
    after = await asyncio.to_thread(running, project, "intake")
    if after == before:
        raise NotMended("the killed container was not replaced")
    tell.console.print(f"intake was killed and replaced in {time.monotonic() - begun:.1f} s", markup=False)
    await _passed(center, timedelta(days=3))
    if os.geteuid() != 0:
        tell.skip("a kill -9 of the broker's process", "only root may")
        return
    broker = await asyncio.to_thread(running, project, "rabbitmq")
    begun = time.monotonic()
    killed = (await asyncio.to_thread(inspected, broker))["State"]["Pid"]
    os.kill(killed, signal.SIGKILL)
    while time.monotonic() < begun + BACK_S:
        told = await asyncio.to_thread(inspected, broker)
        if told["RestartCount"] and told["State"]["Pid"] not in (0, killed) and await _listens(center):
            tell.console.print(
                f"the broker was back {time.monotonic() - begun:.1f} s after kill -9", markup=False
            )
            return
        await asyncio.sleep(0.25)
    raise NotMended("the broker did not come back")


async def _listens(center: Composed) -> bool:
    """Whether the broker says that it takes connections by TLS."""
    parts = urlsplit(center.attached.management)
    url = f"http://{parts.hostname}:{parts.port}/api/health/checks/port-listener/5671"
    async with httpx.AsyncClient(auth=(parts.username or "", parts.password or ""), timeout=5) as client:
        try:
            return (await client.get(url)).status_code == 200
        except httpx.HTTPError:
            return False


async def _passed(center: Composed, since_start: timedelta) -> None:
    while center.clock.now < START + since_start:  # noqa: ASYNC110 - the clock has no bell
        await asyncio.sleep(0.05)
