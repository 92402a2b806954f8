"""What a rule sees of a case, and what it may answer: a fault, or that it is too early to tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from services.supervision.domain.case_file import CaseFile, Happening
from services.supervision.domain.catalogue import Calendars, Item, Items, PlanEntry, Tariffs

RECEIVED = "intake.application_received.v1"
ACCEPTED = "intake.application_accepted.v1"
DECLINED = "intake.application_declined.v1"
CORRECTION = "intake.correction_requested.v1"
CORRECTED = "intake.application_corrected.v1"
OPINION = "review.opinion_given.v1"
LEAD_DECISION = "review.decision_made.v1"
OWN_DECISION = "intake.decision_made.v1"
PERMIT = "intake.permit_issued.v1"
REFUSAL = "intake.refusal_issued.v1"
BILL = "fee.charge_assessed.v1"
PAYMENT = "fee.payment_received.v1"
CANCELLED = "fee.charge_cancelled.v1"


@dataclass(frozen=True, slots=True)
class Fault:
    """A rule (law id) that was not kept: what should have been said, what was said, and by which event."""

    rule: str
    expected: str
    found: str
    about: Happening

    @property
    def key(self) -> str:
        """The same fault is issued once, however often the case is looked at."""
        return f"{self.rule}|{self.about.source}|{self.about.id}|{self.expected}"


@dataclass(frozen=True, slots=True)
class Wait:
    """Something that must have come before is not heard yet; after ``until`` its absence is a fault."""

    until: datetime


@dataclass
class View:
    """A case with what disclosure published about it.

    ``grace`` is how long a late event may be under way; ``caught_up`` is False while supervision itself is
    behind with hearing, when nothing may be called missing. Nothing changes a view; what is asked of it again and
    again is looked up once.
    """

    case: CaseFile
    item: Item
    items: Items
    calendars: Calendars
    tariffs: Tariffs | None
    now: datetime
    grace: timedelta
    caught_up: bool = True

    def absent(self, rule: str, expected: str, about: Happening) -> Fault | Wait:
        """What ``about`` should have followed is not there: too early to tell, or a fault."""
        until = about.at + self.grace
        if self.now < until or not self.caught_up:
            return Wait(until)
        return Fault(rule, expected, "nothing of the kind", about)

    @cached_property
    def accepted(self) -> Happening | None:
        """The acceptance."""
        return self.case.first(ACCEPTED)

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """The facts the case was accepted with."""
        accepted = self.accepted
        return accepted.data.get("facts", {}) if accepted else {}

    @cached_property
    def plan(self) -> dict[str, PlanEntry]:
        """The departments that must have a say, recomputed from the published item and the accepted facts."""
        return self.item.plan_for(self.facts)

    @cached_property
    def decisions(self) -> tuple[Happening, ...]:
        """Decisions of either kind."""
        return self.case.all(LEAD_DECISION, OWN_DECISION)

    def opinions_by(self, department: str) -> Iterator[Happening]:
        """The opinions this department gave, earliest first."""
        return (each for each in self.case.all(OPINION) if each.department == department)
