"""A queue is emptied behind its hearer's back: the healer's own container finds what was lost and has it sent again."""

from __future__ import annotations

import asyncio
import re
import time
from urllib.parse import urlsplit

import httpx

from deploy.compose.engine import docker, running
from deploy.compose.project import ComposeFailed
from deploy.compose.story import Composed
from deploy.launcher.story import acts
from deploy.launcher.story.cast import Cast
from deploy.launcher.story.play import handled_by, new_story
from deploy.launcher.story.script import Application, applications

HEARER = "supervision"
HEALED_S = 150.0  # an event is ripe after 15 s, a look follows every 10 s, a busy machine takes its time
_ASK = (
    "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9200/metrics', timeout=5).read().decode())"
)
_HEALED = re.compile(r"^permit_deliveries_healed_events_total\{[^}]*\} ([0-9.]+)", re.MULTILINE)
_LOST = re.compile(
    r'^permit_deliveries_(?:lost|missing)_events\{hearer="supervision"\} ([0-9.]+)', re.MULTILINE
)


class NotHealed(RuntimeError):
    """What was lost did not come back in time; the text holds the healer's last figures."""


async def lose_and_heal(center: Composed, cast: Cast) -> str:
    """Supervision is stopped, an application is filed, its queue is purged, supervision comes back: what was seen."""
    project = center.project
    await asyncio.to_thread(project.compose, "stop", HEARER)
    await _file(center, cast)
    purged = await _purge(center)
    await asyncio.to_thread(project.compose, "up", "--detach", "--wait", "--no-deps", HEARER)
    begun = time.monotonic()
    healer = await asyncio.to_thread(running, project, "healer")
    figures = ""
    while time.monotonic() < begun + HEALED_S:
        try:
            figures = await asyncio.to_thread(docker, "exec", healer, "python", "-c", _ASK)
        except ComposeFailed as busy:
            figures = str(busy)
        healed = sum(float(each) for each in _HEALED.findall(figures))
        left = [float(each) for each in _LOST.findall(figures)]
        if healed >= purged and left and not any(left):
            return f"{purged} events purged, {healed:.0f} sent again, {time.monotonic() - begun:.0f} s"
        await asyncio.sleep(1)
    kept = [line for line in figures.splitlines() if line.startswith("permit_deliveries")]
    raise NotHealed("\n".join(["what the queue lost was not healed", *kept, *([] if kept else [figures])]))


async def _file(center: Composed, cast: Cast) -> None:
    """One more application, of whatever these departments handle: intake says so, and supervision must hear it."""
    story, _ = new_story(cast)
    handled = [
        plan for plan in applications(story.working_day)
        if handled_by(story.items[plan.item_code], center.departments) and _plain(plan)
    ]  # fmt: skip
    await acts.file(story, handled[-1], center.clock.now)


def _plain(plan: Application) -> bool:
    """Filed with every material by the applicant."""
    return plan.channel != "window" and plan.scenario not in ("corrected", "silent_applicant")


async def _purge(center: Composed) -> int:
    """Empty the hearer's queue once something stands in it; how much it was."""
    parts = urlsplit(center.attached.management)
    base = f"http://{parts.hostname}:{parts.port}/api/queues/permit/{HEARER}"
    until = time.monotonic() + 60
    async with httpx.AsyncClient(auth=(parts.username or "", parts.password or ""), timeout=10) as operator:
        while time.monotonic() < until:
            told = (await operator.get(base)).raise_for_status().json()
            if count := int(told.get("messages", 0)):
                (await operator.delete(f"{base}/contents")).raise_for_status()
                return count
            await asyncio.sleep(1)
    raise NotHealed("nothing reached the queue that was to be purged")
