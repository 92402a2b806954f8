"""Still open, and why: every reason a case is not at its end, who it waits for, since when and until when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal

from libs.deadlines import legal_day
from services.intake.domain.fan_in import is_reviewed
from services.intake.domain.plan import releasable
from services.intake.domain.records import Case, Clock, Fact, Term
from services.intake.domain.reviews import Check, Review

WaitKind = Literal[
    "completeness_check", "notice_or_acceptance", "correction", "acceptance", "opinion", "predecessor",
    "hearing", "decision", "charge", "payment", "issue", "delivery",
]  # fmt: skip
Who = Literal["applicant", "intake", "department", "fee", "hearing"]


class Waiting(Fact):
    """One reason. ``department`` when a department is waited for, ``after`` the predecessors it waits for
    itself."""

    kind: WaitKind
    who: Who
    department: str | None = None
    since: datetime
    until_on: date | None = None
    overdue: bool = False
    after: tuple[str, ...] = ()
    clock: Clock | Term | None = None


def waits_for(case: Case, checks: Sequence[Check], reviews: Sequence[Review], now: datetime) -> list[Waiting]:
    """The reasons, computed from stored rows; an ended case has none, an open one at least one."""
    today = legal_day(now)
    if case.state == "received":
        return _in_check(case, checks, today)
    if case.state == "correction_requested" and case.correction is not None:
        correction = case.correction
        return [_waiting("correction", "applicant", correction.requested_at, correction.respond, today)]
    if case.state == "corrected" and case.correction is not None:
        since = case.correction.corrected_at or case.received_at
        return [_waiting("acceptance", "intake", since, case.duty, today)]
    if case.state == "accepted" and case.acceptance is not None:
        return _in_review(case, reviews, today)
    return _after_review(case, today)


def _waiting(
    kind: WaitKind, who: Who, since: datetime, running: Clock | Term | None, today: date,
    department: str | None = None, after: tuple[str, ...] = (),
) -> Waiting:  # fmt: skip
    until = running.due_on if running else None
    late = until is not None and today > until
    return Waiting(
        kind=kind,
        who=who,
        department=department,
        since=since,
        until_on=until,
        overdue=late,
        after=after,
        clock=running,
    )


def _in_check(case: Case, checks: Sequence[Check], today: date) -> list[Waiting]:
    found = [
        _waiting("completeness_check", "department", check.asked_at, check.clock, today, check.department)
        for check in checks
        if check.reported_at is None and today <= check.clock.due_on  # silence afterwards means none found
    ]
    return [*found, _waiting("notice_or_acceptance", "intake", case.received_at, case.notice, today)]


def _in_review(case: Case, reviews: Sequence[Review], today: date) -> list[Waiting]:
    given = {review.department for review in reviews if review.is_given}
    found = []
    for review in reviews:
        if review.is_given:
            continue
        if review.is_released:
            since = review.released_at or review.requested_at
            found.append(_waiting("opinion", "department", since, review.clock, today, review.department))
        else:
            after = tuple(each for each in review.after if each not in given)
            found.append(
                _waiting(
                    "predecessor", "department", review.requested_at, None, today, review.department, after
                )
            )
    if case.hearing == "required" and is_reviewed(case, reviews) and not releasable(reviews):
        since = max((review.given_at for review in reviews if review.given_at), default=case.received_at)
        found.append(_waiting("hearing", "hearing", since, None, today))
    return found


def _after_review(case: Case, today: date) -> list[Waiting]:
    if case.state == "decision_due" and case.acceptance is not None:
        since = case.decision_due_at or case.acceptance.said_at
        return [
            _waiting("decision", "department", since, case.acceptance.promised, today, case.acceptance.lead)
        ]
    if case.state in ("granted", "refused") and case.decision is not None:
        since = case.decision.decided_at
        if case.state == "granted" and case.fee_state in ("awaited", "cancelled"):
            return [_waiting("charge", "fee", since, None, today)]
        if case.state == "granted" and case.fee_state == "assessed" and case.charge is not None:
            return [_waiting("payment", "applicant", max(since, case.charge.assessed_at), None, today)]
        return [_waiting("issue", "intake", since, None, today)]
    if case.state == "issued" and case.issued is not None:
        return [_waiting("delivery", "applicant", case.issued.issued_at, case.issued.delivery, today)]
    return []
