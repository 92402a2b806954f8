"""A process of the standard workload: houses on the product's backbone, told what to do line by line.

``python -m tests.benchmarks.house orders.json`` runs until its standard input ends. Each line of input is a
command (JSON), each line of output its answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from libs import inbox, telemetry
from libs.clock import SystemClock
from libs.collector import calm_collector
from libs.commits import Commits
from libs.consumer import Listener
from libs.database import open_engine
from libs.relay import Relay
from libs.settings import ServiceSettings
from libs.speaker import Speaker
from libs.work import House, Work
from tests.benchmarks import story
from tests.benchmarks.meters import resident_bytes

SWEEP_S = 1.0
WAITING_DEEDS = 1024  # cases accepted at once from a backlog: two full batches


class Backbone:
    """One house: what `libs.runner.Service` puts together, without the doors for people."""

    def __init__(self, orders: dict[str, Any]) -> None:
        service, department = orders["service"], orders.get("department")
        self.name = f"{service}/{department}" if department else service
        self.engine = open_engine(orders["database"], self.name)
        self._reading = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        ears = story.department_ears(department) if department else story.window_ears()
        self.relay = Relay(orders["broker"], story.STORY, self.engine)
        speaking = House(Speaker(story.STORY, service, department))
        settle = None if department else story.settle_cases
        self.commits = Commits(self.engine, speaking, SystemClock(), ears.dispatch, self.relay, settle)
        queue = story.STORY.queue(service, department)
        self.listener = Listener(orders["broker"], story.STORY, queue, ears, self.commits)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Connect and begin to listen."""
        await self.relay.broker.start()
        loops: list[Callable[[], Any]] = [self.commits.run, self.relay.run, self._sweep]
        self._tasks = [asyncio.create_task(loop()) for loop in loops]
        for task in self._tasks:
            task.add_done_callback(_ended)
        await self.listener.start()

    async def stop(self) -> None:
        """Let what is held finish, then close."""
        await self.listener.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.relay.broker.stop()
        await self.engine.dispose()

    @property
    def idle(self) -> bool:
        """Nothing waits, nothing is on its way, nothing is left over."""
        return self.commits.open == 0 and self.listener.idle and self.relay.idle

    async def _sweep(self) -> None:
        """What the runner does once a second."""
        while True:
            await self.relay.sweep()
            if self.commits.hearing.maybe_parked:
                await self.commits.do("sweep parked", self.commits.hearing.sweep)
            async with self._reading.connect() as connection:
                await inbox.counts(connection)
            await asyncio.sleep(SWEEP_S)


def _ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (reason := task.exception()) is not None:
        print(f"loop ended: {reason!r}", file=sys.stderr, flush=True)
        os._exit(70)


class Accepting:
    """The window's client, in the same process: hands in cases from a backlog, or at a rate."""

    def __init__(self, backbone: Backbone) -> None:
        self._commits = backbone.commits

    async def backlog(self, first: int, cases: int, departments: list[str]) -> None:
        """Hand in ``cases`` cases, as many at once as fit two batches."""
        numbers = iter(range(first, first + cases))

        async def one_after_the_other() -> None:
            for number in numbers:
                await self._one(number, departments, datetime.now(UTC))

        await asyncio.gather(*(one_after_the_other() for _ in range(min(cases, WAITING_DEEDS))))

    async def at_rate(
        self, first: int, cases: int, departments: list[str], after_s: float, every_s: float
    ) -> None:
        """Hand in a case every ``every_s`` seconds, whether or not earlier ones are done (an open loop).

        The first is due in ``after_s``. A case is submitted when it was due: a late start counts as waiting.
        """
        begin, begin_utc = time.monotonic(), time.time()
        running = set()
        for i in range(cases):
            due_s = after_s + i * every_s
            while (early := begin + due_s - time.monotonic()) > 0:
                await asyncio.sleep(early)
            due = datetime.fromtimestamp(begin_utc + due_s, UTC)
            running.add(asyncio.create_task(self._one(first + i, departments, due)))
        await asyncio.gather(*running)

    async def _one(self, number: int, departments: list[str], submitted_at: datetime) -> None:
        case_id = f"{number:032x}"

        async def accept(work: Work) -> None:
            await story.accept_case(work, case_id, number, departments, submitted_at)

        await self._commits.do("accept", accept)


async def _command(houses: list[Backbone], told: dict[str, Any]) -> dict[str, Any]:
    if told["do"] == "idle":
        return {"idle": all(house.idle for house in houses)}
    if told["do"] == "memory":
        return {"resident": resident_bytes([os.getpid()]), "heard": sum(h.listener.heard for h in houses)}
    accepting = Accepting(houses[0])
    given = (told["first"], told["cases"], told["departments"])
    if "every_s" in told:
        await accepting.at_rate(*given, told["after_s"], told["every_s"])
    else:
        await accepting.backlog(*given)
    return {"accepted": told["cases"]}


async def serve(orders: dict[str, Any]) -> None:
    """Run the houses of this process until standard input ends."""
    story.check_against_own_schemas()
    telemetry.set_up(ServiceSettings(log_level="WARNING"), orders["name"])
    houses = [Backbone(each) for each in orders["houses"]]
    calm_collector()  # as the runner does
    await asyncio.gather(*(house.start() for house in houses))
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    answer: Callable[[dict[str, Any]], None] = lambda told: print(json.dumps(told), flush=True)  # noqa: E731
    answer({"started": orders["name"]})
    running: set[asyncio.Task[None]] = set()

    async def obey(told: dict[str, Any], do: Awaitable[dict[str, Any]]) -> None:
        answer({"id": told["id"], **(await do)})

    while line := await reader.readline():
        told = json.loads(line)
        task = asyncio.create_task(obey(told, _command(houses, told)))
        running.add(task)
        task.add_done_callback(running.discard)
        task.add_done_callback(_ended)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(20):
            await asyncio.gather(*(house.stop() for house in houses))


def main() -> None:
    """Run, and profile if asked to (ONEWINDOW_BENCH_PROFILE names a folder)."""
    orders = json.loads(Path(sys.argv[1]).read_text())
    folder = os.environ.get("ONEWINDOW_BENCH_PROFILE")
    if not folder:
        asyncio.run(serve(orders))
        return
    import cProfile

    profile = cProfile.Profile()
    profile.enable()
    try:
        asyncio.run(serve(orders))
    finally:
        profile.disable()
        profile.dump_stats(Path(folder) / f"{orders['name'].replace('/', '.')}.prof")


if __name__ == "__main__":
    main()
