"""A department in memory: the real consumers and handlers over dictionaries, parking as the backbone does."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.envelope import Event
from libs.refusals import NotFound, Park
from libs.signatures import Signer
from services.review.consumers import consumers
from services.review.domain import Task
from services.review.settings import ReviewSettings
from services.review.storage import TASKS
from tests.services.review.builders import LEAD, NOW, ROOT

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)


def settings(department: str = LEAD, **more: Any) -> ReviewSettings:
    """The settings of one department."""
    return ReviewSettings(department_file=Path(ROOT / f"deploy/departments/{department}.yaml"), **more)


@dataclass
class MemoryWork:
    """Work's part that handlers use, over the house's dictionary; what is staged is kept on success only."""

    house: MemoryHouse
    traceparent: str | None = None
    now: Any = NOW
    puts: dict[tuple[str, ...], Any] = field(default_factory=dict)
    said: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    traces: list[str | None] = field(default_factory=list)

    @property
    def settings(self) -> ReviewSettings:
        return self.house.settings

    @property
    def signer(self) -> Signer:
        return Signer("test-key", f"review/{self.settings.department.code}", KEY)

    async def get(self, records: Any, *key: str) -> Any:
        place = (records.name, *key)
        return self.puts.get(place, self.house.stored.get(place))

    async def need(self, records: Any, *key: str) -> Any:
        found = await self.get(records, *key)
        if found is None:
            raise NotFound()
        return found

    async def load(self, records: Any, keys: Any) -> list[Any]:
        return [found for key in keys if (found := await self.get(records, *key)) is not None]

    def put(self, records: Any, record: Any) -> None:
        self.puts[(records.name, *records.key_of(record))] = record

    def say(self, event_type: str, subject: str, data: Any) -> None:
        self.said.append((event_type, subject, data.model_dump(mode="json")))

    def continue_trace(self, traceparent: str | None) -> None:
        self.traces.append(traceparent)


@dataclass
class MemoryHouse:
    """One department's stored records, parked and refused events, and what it said."""

    settings: ReviewSettings
    stored: dict[tuple[str, ...], Any] = field(default_factory=dict)
    parked: list[Event] = field(default_factory=list)
    set_aside: list[tuple[Event, str]] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    said: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    async def hear(self, event: Event) -> None:
        """Handle an event once; park it when its predecessor is missing, retry the parked after a success."""
        if event.id in self.seen:
            return
        self.seen.add(event.id)
        if await self._handle(event):
            moved = True
            while moved:
                waiting, self.parked = self.parked, []
                moved = any([await self._handle(each) for each in waiting])
        return

    async def _handle(self, event: Event) -> bool:
        work = MemoryWork(self, event.traceparent)
        try:
            await consumers.dispatch(work, event)  # type: ignore[arg-type]
        except Park:
            self.parked.append(event)
            return False
        except Exception as reason:
            self.set_aside.append((event, getattr(reason, "code", type(reason).__name__)))
            return False
        self.keep(work)
        return True

    def keep(self, work: MemoryWork) -> None:
        """Commit what a deed staged."""
        self.stored.update(work.puts)
        self.said.extend(work.said)

    async def act(self, deed: Any, *arguments: Any, now: Any = NOW, **options: Any) -> MemoryWork:
        """Run one command; what it refuses changes nothing."""
        work = MemoryWork(self, now=now)
        await deed(work, *arguments, **options)
        self.keep(work)
        return work

    def task(self, case_id: str) -> Task | None:
        """The department's task of a case."""
        return self.stored.get((TASKS.name, case_id))
