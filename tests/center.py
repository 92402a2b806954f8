"""One whole center for the tests that need one: up once per test process, in a thread with a loop of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from deploy.audit.report import Report
from deploy.launcher.attached import Attached
from deploy.launcher.center import Center
from deploy.launcher.houses import DEPARTMENTS
from deploy.launcher.story.cast import Cast
from deploy.launcher.story.play import OPENING, publish_catalogue

T = TypeVar("T")
START = datetime(2026, 1, 4, 23, tzinfo=UTC)


class WholeCenter:
    """A running center as a test sees it; every call waits for its answer."""

    def __init__(self, center: Center, loop: asyncio.AbstractEventLoop) -> None:
        self.center = center
        self._loop = loop
        self.cast = Cast(center.issuer, *center.driver_client, center.sites)

    def run(self, work: Coroutine[Any, Any, T], seconds: float = 300) -> T:
        """Do ``work`` on the center's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(seconds)

    def advance(self, moment: datetime) -> None:
        """Move business time on, once everything due before is done."""
        self.run(self.center.clock.advance_to(moment))

    def settle(self) -> None:
        """Wait until nobody has anything left to do."""
        self.run(self.center.clock.settle())

    @property
    def now(self) -> datetime:
        """The business instant."""
        return self.center.clock.now

    def act(self, person: str, url: str, body: Any = None, **rest: Any) -> Any:
        """POST as a person; the JSON answer; ActRefused on a problem."""
        return self.run(self.cast.act(person, url, body, **rest))

    def read(self, person: str | None, url: str) -> Any:
        """GET as a person or the public."""
        return self.run(self.cast.read(person, url))

    def site(self, service: str, department: str | None = None) -> str:
        """The address of a service."""
        return self.cast.site(service, department)

    def audit(self) -> Report:
        """The audit over all databases, after everybody is quiet."""
        self.settle()
        return self.run(Attached(self.center.run_dir).audit())


@contextmanager
def whole_center(
    run_dir: Path, *, publish: bool = True, departments_dir: Path | None = None
) -> Iterator[WholeCenter]:
    """A center whose clock stands at 2026-01-05, with the shipped catalogue published unless told otherwise."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="center", daemon=True)
    thread.start()

    def wait(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(180)

    center = Center(run_dir, start=START, durable=False, departments_dir=departments_dir or DEPARTMENTS)
    try:
        wait(center.__aenter__())
        whole = WholeCenter(center, loop)
        try:
            whole.advance(OPENING)
            if publish:
                whole.run(publish_catalogue(whole.cast))
                whole.settle()
            yield whole
        finally:
            wait(whole.cast.__aexit__())
            wait(center.__aexit__(None, None, None))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
