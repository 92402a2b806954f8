"""What one department owes a case: its completeness check and its review, each a row of its own."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from services.intake.domain.records import Clock, Defect, Fact, Reason

Outcome = Literal["consent", "consent_with_conditions", "object"]


class Check(Fact):
    """One department's part in the completeness check: silence until the end of its clock means none
    found."""

    case_id: str
    department: str
    clock: Clock
    asked_at: datetime
    defects: tuple[Defect, ...] = ()
    reported_at: datetime | None = None
    too_late: bool = False


class Review(Fact):
    """One department's review of one case: its own row, so that one opinion changes nothing else."""

    case_id: str
    department: str
    role: Literal["lead", "review"]
    limit_wd: int
    after: tuple[str, ...] = ()
    requested_at: datetime
    released_at: datetime | None = None
    clock: Clock | None = None
    outcome: Outcome | None = None
    reasons: tuple[Reason, ...] = ()
    conditions: tuple[str, ...] = ()
    given_at: datetime | None = None
    document_sha256: str | None = None
    traceparent: str | None = None

    @property
    def is_released(self) -> bool:
        """Its clock runs and its opinion may come."""
        return self.released_at is not None

    @property
    def is_given(self) -> bool:
        """Its opinion has come."""
        return self.outcome is not None

    def summary(self) -> dict[str, Any]:
        """The opinion as successors and the lead see it."""
        return {
            "department": self.department,
            "outcome": self.outcome,
            "reasons": [reason.model_dump() for reason in self.reasons],
            "conditions": list(self.conditions),
            "document_sha256": self.document_sha256,
            "given_at": self.given_at,
        }
