"""What waits for a shared transaction, and how a failure is told from a database that is merely away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy.exc import DBAPIError

from libs import outbox
from libs.envelope import Event
from libs.traces import Origin
from libs.work import Wanted, Work

Run = Callable[[Work], Awaitable[Any]]
_UNIQUE_VIOLATION = "23505"
_TRANSIENT_STATES = ("08", "53", "57P", "40001", "40P01", "55P03", "25006", "25P03")


@dataclass(eq=False, slots=True)
class Asked:
    """What identifies a person's command: who, their own key, the hash of what they asked, the status on success."""

    actor: str
    client_key: str
    request_sha256: str
    status: int
    encode: Callable[[Any], str]


class Together:
    """The end of many deeds that came in one message: one future instead of one each; it fails if one was refused."""

    def __init__(self, deeds: int) -> None:
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._left = deeds
        self._refused: BaseException | None = None
        if not deeds:
            self.ended.set_result(None)

    def part(self) -> Part:
        """The end of one of them."""
        return Part(self)

    def one_ended(self, reason: BaseException | None) -> None:
        """One more has ended; ``reason`` if it was refused."""
        self._left -= 1
        self._refused = self._refused or reason
        if self._left or self.ended.done():
            return
        if self._refused is None:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(self._refused)


class Part:
    """Stands where a deed's future stands, for a deed whose result nobody waits for by itself."""

    __slots__ = ("_ended", "_tell", "_whole")

    def __init__(self, whole: Together) -> None:
        self._whole = whole
        self._ended = False
        self._tell: Callable[[Any], Any] | None = None

    def done(self) -> bool:
        """Whether the deed has ended."""
        return self._ended

    def add_done_callback(self, tell: Callable[[Any], Any]) -> None:
        """Call this, at once, when it ends, after whoever asked earlier."""
        earlier = self._tell
        self._tell = tell if earlier is None else _both(earlier, tell)

    def set_result(self, _: Any) -> None:
        """The deed is done."""
        self._end(None)

    def set_exception(self, reason: BaseException) -> None:
        """The deed is off."""
        self._end(reason)

    def _end(self, reason: BaseException | None) -> None:
        self._ended = True
        if self._tell is not None:
            self._tell(self)
        self._whole.one_ended(reason)


def _both(first: Callable[[Any], Any], second: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def tell(ended: Any) -> None:
        first(ended)
        second(ended)

    return tell


@dataclass(eq=False, slots=True)
class Deed:
    """One request, event or timer waiting for its transaction."""

    name: str
    run: Run
    done: asyncio.Future[Any] | Part
    parent: Origin | None = None
    event: Event | None = None
    asked: Asked | None = None
    loads: list[Wanted] = field(default_factory=list)
    alone: bool = False
    patient: bool = False  # waits for the database however long it is away
    tries: int = 0
    raced: bool = False  # lost to another replica once; a second time it is at fault itself

    def finish(self, result: Any) -> None:
        """Give the waiting door its result."""
        if not self.done.done():
            self.done.set_result(result)

    def refuse(self, reason: Exception) -> None:
        """Give the waiting door the reason why nothing was done."""
        if not self.done.done():
            self.done.set_exception(reason)


class Poison(Exception):
    """An event whose effect the database refuses every time."""

    code = "effect_refused"


class Handover(Protocol):
    """The relay, as the commits see it."""

    def offer(self, rows: list[outbox.OutboxRow]) -> None:
        """These rows are committed: send them."""

    def take_confirmed(self) -> list[int]:
        """The rows the broker has confirmed since last asked."""

    def put_back(self, seqs: list[int]) -> None:
        """Marking these failed with its transaction: give them out again."""

    def marked(self, seqs: list[int]) -> None:
        """Marking these is committed."""


def sqlstate(reason: BaseException) -> str:
    """PostgreSQL's error code of a failed statement; empty when it never reached the server."""
    return str(getattr(getattr(reason, "orig", None), "sqlstate", "") or "")


def is_race(reason: BaseException) -> bool:
    """Whether somebody else (another replica, an older process beside this one) made the same row first.

    The other transaction is committed by then, so whoever tries again finds the row.
    """
    return isinstance(reason, DBAPIError) and sqlstate(reason) == _UNIQUE_VIOLATION


def is_transient(reason: BaseException) -> bool:
    """Whether the same transaction may well succeed later: the database is away, or a deadlock was broken."""
    if isinstance(reason, DBAPIError):
        state = sqlstate(reason)
        return (
            bool(reason.connection_invalidated)
            or state.startswith(_TRANSIENT_STATES)
            or (not state and "closed" in str(reason).lower())
        )
    return isinstance(reason, (OSError, TimeoutError, ConnectionError))
