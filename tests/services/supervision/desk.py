"""Supervision's deeds without a database: records, said events and rows kept in memory, one deed at a time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from pydantic import BaseModel

from libs.contracts import check
from libs.envelope import Event
from libs.refusals import NotFound, Park
from services.supervision.consumers import consumers
from services.supervision.handlers import look_at_due_cases, settle_cases
from services.supervision.settings import Settings
from services.supervision.storage import CASE_FILES, CLOCKS, DUE_CASES, HAPPENED, STALE_CASES

_HAPPENED = ("case_id", "source", "id", "type", "at", "department", "traceparent", "data")


@dataclass
class Desk:
    """Everything supervision keeps, and the business instant."""

    now: datetime
    settings: Settings = field(default_factory=lambda: Settings(settle_s=0))
    records: dict[tuple[str, tuple[str, ...]], Any] = field(default_factory=dict)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    said: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    parked: list[Event] = field(default_factory=list)
    heard: set[tuple[str, str]] = field(default_factory=set)
    numbers: Counter[str] = field(default_factory=Counter)

    async def hear(self, *events: Event) -> None:
        """Hear events as the inbox gives them: once each; what cannot be handled yet is parked and tried again."""
        for event in events:
            if (event.source, event.id) in self.heard:
                continue
            self.heard.add((event.source, event.id))
            await self._handle(event)
            waiting, self.parked = self.parked, []
            for each in waiting:
                await self._handle(each)

    async def _handle(self, event: Event) -> None:
        work = MemoryWork(self, event.id)
        try:
            await consumers.dispatch(work, event)  # type: ignore[arg-type]
        except Park:
            self.parked.append(event)
        else:
            await settle_cases(work, [event.subject])  # type: ignore[arg-type]
            work.keep()

    async def pass_time(self, until: datetime) -> None:
        """Advance the clock as its driver does: stopping wherever something falls due."""
        while True:
            due = min((each for each in self._looks() if each <= until), default=until)
            self.now = max(self.now, due)
            work = MemoryWork(self, None)
            handled = await look_at_due_cases(work)  # type: ignore[arg-type]
            work.keep()
            if not handled and (due >= until or self.now >= until):
                self.now = max(self.now, until)
                return

    def _looks(self) -> list[datetime]:
        return [case.look_at for case in self.all(CASE_FILES.name) if case.look_at]

    def all(self, table: str) -> list[Any]:
        """Every record of a table."""
        return [record for (name, _), record in sorted(self.records.items()) if name == table]

    def cards(self) -> list[tuple[Any, ...]]:
        """What the cards say, without their numbers and the moment of their issue."""
        wanted = ("clock_kind", "agency", "colour", "crossed_at", "due_on", "used_wd", "limit_wd")
        told = [(subject, data) for name, subject, data in self.said if name == "supervision.card_issued.v1"]
        return sorted((subject, *(data[each] for each in wanted)) for subject, data in told)

    def findings(self) -> list[tuple[str, str, str, str]]:
        """(case, rule, expected, found) of every finding."""
        told = [
            (subject, data) for name, subject, data in self.said if name == "supervision.finding_issued.v1"
        ]
        return sorted((subject, data["rule"], data["expected"], data["found"]) for subject, data in told)

    def end_state(self) -> dict[str, Any]:
        """Everything that must not depend on the order of hearing."""
        happened = [{**row, "traceparent": None} for row in self.rows.get("happenings", [])]
        return {
            "cases": [
                case.model_dump(exclude={"cards", "findings", "counted_with"})
                for case in self.all(CASE_FILES.name)
            ],
            "happenings": sorted(happened, key=lambda row: (row["source"], row["id"])),
            "clocks": [asdict(clock) for clock in self.all(CLOCKS.name)],
            "cards": self.cards(),
            "findings": self.findings(),
            "parked": sorted(event.id for event in self.parked),
        }


class MemoryWork:
    """Work as the handlers see it: staged until kept."""

    def __init__(self, desk: Desk, cause: str | None) -> None:
        self._desk = desk
        self.now = desk.now
        self.cause = cause
        self.settings = desk.settings
        self._puts: dict[tuple[str, tuple[str, ...]], Any] = {}
        self._adds: list[tuple[str, dict[str, Any]]] = []
        self._said: list[tuple[str, str, dict[str, Any]]] = []

    async def get(self, records: Any, *key: str) -> Any:
        place = (records.name, key)
        return self._puts.get(place, self._desk.records.get(place))

    async def need(self, records: Any, *key: str) -> Any:
        found = await self.get(records, *key)
        if found is None:
            raise NotFound()
        return found

    async def load(self, records: Any, keys: Iterable[tuple[str, ...]]) -> list[Any]:
        found = [await self.get(records, *key) for key in keys]
        return [each for each in found if each is not None]

    def put(self, records: Any, record: Any) -> None:
        stored = record
        if isinstance(record, BaseModel):
            stored = records.read(record.model_dump_json())  # as it would come back from its table
        self._puts[(records.name, records.key_of(record))] = stored

    def add(self, table: Any, **values: Any) -> None:
        assert set(values) <= set(table.c.keys())
        self._adds.append((table.name, values))

    def say(self, event_type: str, subject: str, data: Any, *, department: str | None = None) -> None:
        content = json.loads(data.model_dump_json())
        check(event_type, content)
        self._said.append((event_type, subject, content))

    async def rows(self, statement: Any, **params: Any) -> list[Any]:
        if statement is HAPPENED:
            kept = [*self._desk.rows.get("happenings", []), *(row for name, row in self._adds if name == "happenings")]
            return [tuple(row[name] for name in _HAPPENED) for row in kept if row["case_id"] in params["cases"]]
        cases = self._desk.all(CASE_FILES.name)
        if statement is DUE_CASES:
            found = [case for case in cases if case.look_at and case.look_at <= params["now"]]
        else:
            assert statement is STALE_CASES
            running = {
                clock.case_id
                for clock in self._desk.all(CLOCKS.name)
                if clock.stopped_at is None or clock.provisional
            }
            stamp = params["stamp"]
            found = [case for case in cases if case.counted_with != stamp and case.case_id in running]
        return [SimpleNamespace(case_id=case.case_id) for case in found]

    async def next_number(self, sequence: str) -> int:
        self._desk.numbers[sequence] += 1
        return self._desk.numbers[sequence]

    def continue_trace(self, traceparent: str | None, links: Iterable[str] = ()) -> None:
        pass

    def keep(self) -> None:
        """The deed succeeded."""
        self._desk.records.update(self._puts)
        for name, values in self._adds:
            self._desk.rows.setdefault(name, []).append(values)
        self._desk.said.extend(self._said)


def later(event: Event, seconds: float) -> datetime:
    """When an event arrives that is so long under way."""
    return event.time + timedelta(seconds=seconds)
