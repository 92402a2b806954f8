"""One deed's part of a shared transaction: it reads, stages and says; it never commits and never publishes.

Everything a deed does is staged in memory until the deed has succeeded, so a refusal or a failure in one
deed leaves its neighbours in the same transaction untouched.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa
from opentelemetry.trace import Link, Span
from pydantic import BaseModel

from libs import traces
from libs.envelope import Event, new_id
from libs.records import Key, Lookup, Records
from libs.refusals import NotFound
from libs.signatures import KeyDirectory, Signer
from libs.traces import Origin
from libs.transaction import House, Place, Shared, Wanted

T = TypeVar("T", bound=BaseModel)
F = TypeVar("F")

__all__ = ["House", "Place", "Shared", "Wanted", "Work"]


class Work:
    """What a handler is given. See the module docstring; instants are business time, UTC."""

    __slots__ = (
        "_adds", "_begun_ns", "_came_from", "_continued", "_links", "_origin", "_own", "_puts", "_said",
        "_said_for", "_settling", "_shared", "_span", "_subject", "_touched", "cause", "name", "now",
    )  # fmt: skip

    def __init__(
        self,
        shared: Shared,
        name: str,
        parent: Origin | None,
        *,
        cause: str | None = None,
        subject: str | None = None,
        settling: bool = False,
    ) -> None:
        self.now = shared.now
        self.cause = cause
        self.name = name
        self._shared = shared
        self._origin = self._came_from = parent
        self._subject = subject
        self._begun_ns = time.time_ns()
        self._settling = settling
        self._links: Sequence[Link] = ()
        self._span: Span | None = None
        self._own: Origin | None = None  # the span as others come from it, once it is open
        self._said_for: str | None = None
        self._continued = False
        self._puts: dict[Place, Any] = {}
        self._adds: list[tuple[sa.Table, dict[str, Any]]] = []
        self._said: list[Event] = []
        self._touched: dict[str, Origin | None] = {}

    @property
    def settings(self) -> Any:
        """The service's settings."""
        return self._shared.house.settings

    @property
    def signer(self) -> Signer:
        """Signs this service's documents; RuntimeError when it was started without a key."""
        if self._shared.house.signer is None:
            raise RuntimeError("this service was started without ONEWINDOW_SIGNING_KEY_FILE")
        return self._shared.house.signer

    @property
    def keys(self) -> KeyDirectory:
        """Verifies documents; RuntimeError when the service was started without a key directory."""
        if self._shared.house.keys is None:
            raise RuntimeError("this service was started without ONEWINDOW_KEY_DIRECTORY_FILE")
        return self._shared.house.keys

    @property
    def shared(self) -> Shared:
        """The transaction this deed shares (for the backbone, not for handlers)."""
        return self._shared

    async def get(self, records: Records[T], *key: str) -> T | None:
        """The record under ``key``, locked until the commit, as this transaction has left it; None if missing."""
        place = (records, key)
        if place in self._puts:
            return self._puts[place]  # type: ignore[no-any-return]
        known, record = self._shared.known(place)
        if not known:
            await self._shared.load([place])
            _, record = self._shared.known(place)
        return record  # type: ignore[no-any-return]

    async def load(self, records: Records[T], keys: Iterable[Key]) -> list[T]:
        """Many records at once (one statement), those that exist, in the order asked."""
        wanted = list(keys)
        await self._shared.load((records, key) for key in wanted)
        found = [await self.get(records, *key) for key in wanted]
        return [record for record in found if record is not None]

    async def find(self, lookup: Lookup[T], value: str) -> T | None:
        """The record a lookup finds by what is stored (not by what is staged here), locked until the commit."""
        places = await self._shared.look_up([(lookup, value)])
        return await self.get(lookup.of, *places[0][1]) if places else None

    async def need(self, records: Records[T], *key: str) -> T:
        """Like get, but a missing record is the refusal NotFound."""
        record = await self.get(records, *key)
        if record is None:
            raise NotFound()
        return record

    def put(self, records: Records[T], record: T) -> None:
        """Stage a new or changed record."""
        self._puts[(records, records.key_of(record))] = record

    def add(self, table: sa.Table, **values: Any) -> None:
        """Stage a row of an append-only table."""
        self._adds.append((table, values))

    def say(
        self,
        event_type: str,
        subject: str,
        data: BaseModel | dict[str, Any],
        *,
        department: str | None = None,
        model: type[BaseModel] | None = None,
    ) -> Event:
        """Stage an event for the outbox; it is checked against its schema and against flow.yaml.

        ``model`` is the message class that made the plain ``data``, if one has.
        """
        content, model = (
            (data.model_dump(mode="json"), type(data)) if isinstance(data, BaseModel) else (data, model)
        )
        speaker = self._shared.house.speaker
        department = speaker.check(event_type, content, department, model)
        if self._settling and self._said_for not in (None, subject):
            self._close_span()
            self._continued = False
        self._said_for = subject
        event = Event(
            new_id(), event_type, speaker.source, self.now, subject, content,
            self.cause, self._hand_on(subject), department,
        )  # fmt: skip
        self._said.append(event)
        self.touch(subject)
        return event

    def touch(self, subject: str) -> None:
        """This subject shall be settled in this transaction."""
        self._touched[subject] = self._own

    async def rows(self, statement: Any, **params: Any) -> Sequence[sa.Row[Any]]:
        """Rows of a named query; it does not see what deeds of this transaction have staged.

        What settles them sees it: everything staged is written first.
        """
        if self._settling:
            await self._shared.flush()
        return (await (await self._shared.sql()).execute(statement, params or None)).all()

    async def stored(self, statement: Any, **params: Any) -> Sequence[sa.Row[Any]]:
        """Rows of a named query as they are in the database, also while settling: nothing is written before.

        What is staged must be added by the caller (see `staged`); so a record that settling changes once more
        is still written once.
        """
        return (await (await self._shared.sql()).execute(statement, params or None)).all()

    def staged(self, records: Records[T]) -> list[T]:
        """The records of one table that deeds of this transaction have put and that are not written yet."""
        return self._shared.staged(records)

    def added(self, table: sa.Table) -> list[dict[str, Any]]:
        """The rows of an append-only table that deeds of this transaction have added and that are not written yet."""
        return self._shared.added(table)

    async def once(self, what: Hashable, find: Callable[[], Awaitable[F]]) -> F:
        """What ``find`` finds, looked up once for all deeds of this transaction: for what none of them changes."""
        return await self._shared.once(what, find)

    async def next_number(self, sequence: str) -> int:
        """The next value of a PostgreSQL sequence."""
        return await self._shared.number(sequence)

    def continue_trace(self, traceparent: str | None, links: Iterable[str] = ()) -> None:
        """From here on the deed belongs to the trace ``traceparent`` names, linked to where it came from.

        A person's request starts a trace of its own; calling this moves the deed into the case's trace, so
        that one case is one tree from the form to the public log.
        """
        self._close_span()
        self._said_for = None
        self._continued = True
        if traceparent is not None:
            self._origin = traces.origin(traceparent)
        own = self._origin
        if own is None or own.kept:
            parents = [parent for parent in (self._came_from, *map(traces.origin, links)) if parent]
            spans = [parent.span_context for parent in parents]
            self._links = [
                Link(span) for span in spans if own is None or span.span_id != own.span_context.span_id
            ]

    @property
    def traceparent(self) -> str | None:
        """The W3C trace context of this deed, to be stored on a new record."""
        return self._hand_on(None)

    def _hand_on(self, subject: str | None) -> str | None:
        """The trace context for what is said or stored: of a span of this deed, or, where none is kept, as it came."""
        if self._span is None:
            origin = self._parent(subject)
            if origin is not None and not origin.kept:
                return origin.text
        self._open_span(subject)
        return self._own.text if self._own else None

    def _parent(self, subject: str | None) -> Origin | None:
        if self._settling and not self._continued:
            return self._shared.touched.get(subject or "") or self._origin
        return self._origin

    def _open_span(self, subject: str | None) -> Span:
        if self._span is None:
            about = subject or self._subject or next(iter(self._touched), None)
            self._span = traces.start(self.name, self._parent(subject), self._links, about, self._begun_ns)
            self._own = traces.origin_of_span(self._span)
        return self._span

    def _close_span(self) -> None:
        if self._span is not None:
            self._span.end()
            self._span = self._own = None
        self._links = ()

    def succeed(self) -> None:
        """The deed is done: hand over what is staged (called by the door, not by handlers)."""
        own = self._origin
        if self._span is not None or not (self._settling or (own is not None and not own.kept)):
            self._open_span(None)
            own = self._own
        touched = self._touched
        for subject, origin in touched.items():
            if origin is None:
                touched[subject] = own
        self._shared.absorb(self._puts, self._adds, self._said, touched)
        self._close_span()

    def fail(self, reason: BaseException) -> None:
        """The deed is off: forget what is staged (called by the door, not by handlers)."""
        traces.failed(self._open_span(None), reason)
        self._close_span()
