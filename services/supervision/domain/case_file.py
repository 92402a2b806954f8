"""Supervision's own file of one case: what was said about it, in business time, however it was heard.

Everything else about the case is computed from this set of happenings, so the same events in any order,
late or twice, end in the same state.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from pydantic import BaseModel, Field, SkipValidation

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


@dataclass(slots=True)
class Happening:
    """One event about the case: identity (source, id), business instant, and what supervision reads.

    Nothing changes one once it is made (that it could be changed makes it cheaper to make, and a case makes dozens).
    """

    type: str
    source: str
    id: str
    at: datetime
    department: str | None = None
    traceparent: str | None = None
    data: dict[str, Any] = field(default_factory=dict)


class IssuedCard(BaseModel, frozen=True):
    """A card that was issued for this case; at most one of each colour per clock."""

    clock_id: str
    colour: str


class CaseFile(BaseModel, frozen=True):
    """A case as supervision follows it. ``happenings`` are kept in business order, ties by identity.

    They lie in a table of their own, which only grows; everything else is what was concluded from the first
    ``heard`` of them. So whoever loads a file adds them (``with_happenings``) before asking what happened.
    """

    case_id: str
    application_no: str
    item_code: str
    item_version: int
    happenings: SkipValidation[tuple[Happening, ...]] = Field(default=(), exclude=True)
    cards: tuple[IssuedCard, ...] = ()
    findings: tuple[str, ...] = ()
    state: str = "unknown"
    counted_with: str = ""
    look_at: datetime | None = None
    heard: int = 0
    projected: dict[str, str] = {}  # a clock's name to how it stands in the table of clocks

    @classmethod
    def opened_by(cls, case_id: str, happening: Happening) -> CaseFile:
        """The file of a case of which this was heard first."""
        told = happening.data
        return cls(
            case_id=case_id, application_no=told["application_no"], item_code=told["item_code"],
            item_version=told["item_version"],
        )  # fmt: skip

    def with_happenings(self, happened: Iterable[Happening]) -> CaseFile:
        """With everything that has happened, in whatever order it is given."""
        ordered = sorted(happened, key=_in_business_order)
        changed = self.model_copy(update={"happenings": tuple(ordered)})
        changed.__dict__.pop("_by_type", None)  # a copy takes over what was looked up in the original
        return changed

    @property
    def is_judged(self) -> bool:
        """Whether it was judged since something last happened; so it is whenever it lies in its table."""
        return self.heard == len(self.happenings)

    def all(self, *types: str) -> tuple[Happening, ...]:
        """What happened of these types, in business order."""
        by_type = self._by_type
        if len(types) == 1:
            return by_type.get(types[0], ())
        happened = [each for each in types if each in by_type]
        if len(happened) > 1:
            return tuple(each for each in self.happenings if each.type in types)
        return by_type[happened[0]] if happened else ()

    def first(self, name: str) -> Happening | None:
        """The earliest happening of this type."""
        happened = self._by_type.get(name)
        return happened[0] if happened else None

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
        return any(each.clock_id == clock_id and each.colour == colour for each in self.cards)


def _in_business_order(happening: Happening) -> tuple[datetime, str, str]:
    return happening.at, happening.source, happening.id
