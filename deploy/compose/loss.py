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
from deploy.healing.comparison import Comparison
from deploy.launcher.story import acts
from deploy.launcher.story.cast import Cast
from deploy.launcher.story.play import handled_by, new_story
from deploy.launcher.story.script import Application, applications
from libs.flow import FLOW

HEARER = "supervision"
HEALED_S = 150.0  # an event is ripe after 15 s, a look follows every 10 s, a busy machine takes its time
_ASK = (
    "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9200/metrics', timeout=5).read().decode())"
)
_HEALED = re.compile(r"^permit_deliveries_healed_events_total\{[^}]*\} ([0-9.]+)", re.MULTILINE)


class NotHealed(RuntimeError):
    """What was lost did not come back in time; the text holds the healer's last figures."""


async def lose_and_heal(center: Composed, cast: Cast) -> str:
    """Supervision is stopped, an application is filed, its queue is purged, supervision comes back: what was seen."""
    project = center.project
    truth = Comparison(FLOW, center.attached.databases, center.attached.management, ripe_s=0.0)
    healer = await asyncio.to_thread(running, project, "healer")
    before = _sent_again(await _figures(healer))
    await asyncio.to_thread(project.compose, "stop", HEARER)
    try:
        await _file(center, cast)
        await _purge(center)
        await truth.look()
        lost = truth.missing[HEARER]
        await asyncio.to_thread(project.compose, "up", "--detach", "--wait", "--no-deps", HEARER)
        begun = time.monotonic()
        sent_again = await _healed(truth, healer, before) - before
        return f"{lost} events lost, {sent_again:.0f} sent again, {time.monotonic() - begun:.0f} s"
    finally:
        await truth.close()


async def _healed(truth: Comparison, healer: str, before: float) -> float:
    """Wait until every event that was ever confirmed is in the hearer's inbox; the healer's count of what it had
    sent again, which was ``before``.
    """
    until, figures = time.monotonic() + HEALED_S, ""
    while time.monotonic() < until:
        figures = await _figures(healer)
        await truth.look()
        if (healed := _sent_again(figures)) > before and not truth.missing[HEARER]:
            return healed
        await asyncio.sleep(1)
    kept = [line for line in figures.splitlines() if line.startswith("permit_deliveries")]
    missing = f"{truth.missing[HEARER]} events are still missing"
    raise NotHealed("\n".join(["what the queue lost was not healed", missing, *(kept or [figures])]))


async def _figures(healer: str) -> str:
    try:
        return await asyncio.to_thread(docker, "exec", healer, "python", "-c", _ASK)
    except ComposeFailed as busy:
        return str(busy)


def _sent_again(figures: str) -> float:
    return sum(float(each) for each in _HEALED.findall(figures))


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


async def _purge(center: Composed) -> None:
    """Empty the hearer's queue once something stands in it."""
    parts = urlsplit(center.attached.management)
    base = f"http://{parts.hostname}:{parts.port}/api/queues/permit/{HEARER}"
    until = time.monotonic() + 60
    async with httpx.AsyncClient(auth=(parts.username or "", parts.password or ""), timeout=10) as operator:
        while time.monotonic() < until:
            told = (await operator.get(base)).raise_for_status().json()
            if told.get("messages"):
                (await operator.delete(f"{base}/contents")).raise_for_status()
                return
            await asyncio.sleep(1)
    raise NotHealed("nothing reached the queue that was to be purged")
