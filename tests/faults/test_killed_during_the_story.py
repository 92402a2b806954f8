"""Every service, one department, PostgreSQL and RabbitMQ are killed in the middle of the work; nothing is lost."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
from collections.abc import Iterable
from datetime import timedelta

import pytest

from deploy.launcher.center import Center
from deploy.launcher.story.play import new_story, play
from deploy.launcher.story.script import Application, applications, in_hours
from tests.center import WholeCenter

VICTIMS = ("intake", "disclosure", "fee", "supervision", "review/urban_management", "review/fire", "RabbitMQ", "intake")
CHOSEN = (2, 6, 8, 11, 13, 14, 17, 26)  # deemed, refused, with conditions, corrected, withdrawn, ordinary


def plans(center: WholeCenter, working_day: object) -> Iterable[Application]:
    chosen = [plan for plan in applications(working_day) if plan.number in CHOSEN]
    for index, plan in enumerate(chosen):
        arrives = in_hours(center.now + timedelta(hours=1 + index), working_day)
        yield dataclasses.replace(plan, number=2000 + plan.number, arrives_at=arrives)


async def kill(center: Center, name: str) -> None:
    """kill -9, then wait until the launcher has it back."""
    before = center.watch.restarts.get(name, 0)
    if name == "RabbitMQ":
        await asyncio.to_thread(center.broker.kill)
    else:
        pid = center.processes.running[name].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(90):
        while center.watch.restarts.get(name, 0) == before:
            await asyncio.sleep(0.1)
    await center.wait_ready()


async def kill_all(center: Center, killed: list[str]) -> None:
    for name in VICTIMS:
        await kill(center, name)
        killed.append(name)


@pytest.mark.timeout(600)
def test_kill_9_of_anyone_in_the_middle_loses_nothing(center: WholeCenter) -> None:
    story, _ = new_story(center.cast)
    killed: list[str] = []

    async def tell() -> None:
        killing = asyncio.create_task(kill_all(center.center, killed))
        await play(center.center.clock, story, plans(center, story.working_day))
        await killing

    center.run(tell(), seconds=580)
    assert story.notes == []
    assert killed == list(VICTIMS)
    report = center.audit()
    assert report.clean, "\n".join(report.lines())
    states = {number: center.read("window-01", story.case_url(number))["state"] for number in story.case_ids}
    assert len(states) == len(CHOSEN)
    assert set(states.values()) <= {"delivered", "declined", "withdrawn"}, states
