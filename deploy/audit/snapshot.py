"""What the audit looks at: every database's books at one moment, in memory, so that checks are pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from libs.signatures import KeyDirectory

Row = dict[str, Any]


@dataclass(frozen=True)
class Said:
    """One row of an outbox: the event as it was said, and whether the broker confirmed it."""

    seq: int
    source: str
    id: str
    type: str
    subject: str
    time: datetime
    department: str | None
    data: Mapping[str, Any]
    sent: bool = True

    @property
    def identity(self) -> tuple[str, str]:
        """An event's identity is (source, id)."""
        return self.source, self.id

    def __str__(self) -> str:
        return f"{self.type} {self.source}:{self.id[:12]} about {self.subject[:12]}"


@dataclass(frozen=True)
class Heard:
    """One row of an inbox."""

    source: str
    id: str
    type: str
    subject: str
    state: str = "handled"

    @property
    def identity(self) -> tuple[str, str]:
        """An event's identity is (source, id)."""
        return self.source, self.id


@dataclass(frozen=True)
class Answered:
    """One stored answer to a command."""

    actor: str
    client_key: str
    status: int
    body: str
    subject: str | None


@dataclass
class Books:
    """One database: what it said, heard, answered, could not handle, and its own tables by name."""

    name: str
    outbox: list[Said] = field(default_factory=list)
    inbox: list[Heard] = field(default_factory=list)
    answers: list[Answered] = field(default_factory=list)
    parked: list[tuple[str, str]] = field(default_factory=list)
    set_aside: list[tuple[str, str]] = field(default_factory=list)
    tables: dict[str, list[Row]] = field(default_factory=dict)

    @property
    def service(self) -> str:
        """The service whose database it is."""
        return self.name.split(".")[0]

    @property
    def department(self) -> str | None:
        """The department, if the service runs per department."""
        return self.name.partition(".")[2] or None

    @property
    def source(self) -> str:
        """What this service may sign as the source of its events."""
        return self.name.replace(".", "/", 1)

    def rows(self, table: str) -> list[Row]:
        """The rows of one of its own tables; none when it has no such table."""
        return self.tables.get(table, [])


@dataclass
class Snapshot:
    """Every database, the keys that sign, the log's public key, and business time. Not changed after loading."""

    books: dict[str, Books]
    business_now: datetime
    keys: KeyDirectory | None = None
    log_key: bytes | None = None
    queues: dict[str, int] | None = None

    @cached_property
    def events(self) -> list[Said]:
        """Everything anybody said, in business order."""
        said = [event for books in self.books.values() for event in books.outbox]
        return sorted(said, key=lambda event: (event.time, event.source, event.seq))

    @cached_property
    def by_identity(self) -> dict[tuple[str, str], Said]:
        """Events by (source, id)."""
        return {event.identity: event for event in self.events}

    @cached_property
    def cases(self) -> dict[str, list[Said]]:
        """The events of each case, in business order; a case is what an application was received for."""
        known = {event.subject for event in self.of_type("intake.application_received.v1")}
        found: dict[str, list[Said]] = {case_id: [] for case_id in sorted(known)}
        for event in self.events:
            if event.subject in found:
                found[event.subject].append(event)
        return found

    def of_type(self, *types: str) -> Iterator[Said]:
        """Events of these types, in business order."""
        return (event for event in self.events if event.type in types)

    def departments(self) -> list[str]:
        """The departments that have a database."""
        return sorted(books.department for books in self.books.values() if books.department)


def pick(events: Iterable[Said], *types: str) -> list[Said]:
    """Those of these types."""
    return [event for event in events if event.type in types]


def first(events: Iterable[Said], *types: str) -> Said | None:
    """The first of these types."""
    return next((event for event in events if event.type in types), None)
