"""Supervision's own file of one case: what was said about it, in business time, however it was heard.

Everything else about the case is computed from this set of happenings, so the same events in any order,
late or twice, end in the same state.
"""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Any

from pydantic import BaseModel

_STATES = (  # the first of these that has happened is the case's state
    ("intake.document_delivered.v1", "delivered"),
    ("intake.application_withdrawn.v1", "withdrawn"),
    ("intake.permit_issued.v1", "issued"),
    ("intake.refusal_issued.v1", "refused"),
    ("intake.application_declined.v1", "declined"),
    ("intake.decision_made.v1", "decided"),
    ("review.decision_made.v1", "decided"),
    ("intake.application_accepted.v1", "accepted"),
    ("intake.application_corrected.v1", "corrected"),
    ("intake.correction_requested.v1", "correction_requested"),
    ("intake.application_received.v1", "received"),
)


class Happening(BaseModel, frozen=True):
    """One event about the case: identity (source, id), business instant, and what supervision reads."""

    type: str
    source: str
    id: str
    at: datetime
    department: str | None = None
    traceparent: str | None = None
    data: dict[str, Any] = {}


class IssuedCard(BaseModel, frozen=True):
    """A card that was issued for this case; at most one of each colour per clock."""

    clock_id: str
    colour: str


class CaseFile(BaseModel, frozen=True):
    """A case as supervision follows it. ``happenings`` are kept in business order, ties by identity."""

    case_id: str
    application_no: str
    item_code: str
    item_version: int
    happenings: tuple[Happening, ...] = ()
    cards: tuple[IssuedCard, ...] = ()
    findings: tuple[str, ...] = ()
    state: str = "unknown"
    counted_with: str = ""
    look_at: datetime | None = None
    projected: dict[str, str] = {}  # clock id to a digest of it as it lies in the table of clocks

    def with_one(self, happening: Happening) -> CaseFile:
        """With this happening in its place, to be judged again; one that is known already changes nothing."""
        if any(each.source == happening.source and each.id == happening.id for each in self.happenings):
            return self
        ordered = sorted((*self.happenings, happening), key=lambda each: (each.at, each.source, each.id))
        changed = self.model_copy(update={"happenings": tuple(ordered), "counted_with": ""})
        changed.__dict__.pop("_by_type", None)  # a copy takes over what was looked up in the original
        return changed

    @property
    def is_judged(self) -> bool:
        """Whether it was judged since something last happened; so it is whenever it lies in its table."""
        return bool(self.counted_with)

    def all(self, *types: str) -> tuple[Happening, ...]:
        """What happened of these types, in business order."""
        happened = [each for each in types if each in self._by_type]
        if len(happened) > 1:
            return tuple(each for each in self.happenings if each.type in types)
        return self._by_type[happened[0]] if happened else ()

    def first(self, *types: str) -> Happening | None:
        """The earliest happening of these types."""
        return next(iter(self.all(*types)), None)

    def current_state(self) -> str:
        """How far the case is, by what has been heard."""
        return next((state for name, state in _STATES if name in self._by_type), "unknown")

    @cached_property
    def _by_type(self) -> dict[str, tuple[Happening, ...]]:
        found: dict[str, list[Happening]] = {}
        for each in self.happenings:
            found.setdefault(each.type, []).append(each)
        return {name: tuple(each) for name, each in found.items()}

    @property
    def trace(self) -> str | None:
        """The trace of the case: that of its earliest happening that has one."""
        return next((each.traceparent for each in self.happenings if each.traceparent), None)

    def has_card(self, clock_id: str, colour: str) -> bool:
        """Whether this clock's card of this colour was issued."""
        return IssuedCard(clock_id=clock_id, colour=colour) in self.cards
