"""What a person sees of a case: where it stands, what it waits for, why every date is that date, every
paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.deadlines import Calendars, due, legal_day, used_wd
from services.intake.api.shapes import CaseLine, CaseView, Day, Lane, Moment, Paper, Period
from services.intake.domain.items import Item, LocalText
from services.intake.domain.records import (
    Case,
    Clock,
    Term,
)
from services.intake.domain.remedies import remedies
from services.intake.domain.reviews import Check, Review
from services.intake.domain.waiting import waits_for
from services.intake.storage import next_day_due, queries


def period(
    clock: Clock | Term,
    calendars: Calendars,
    today: date,
    *,
    ended_on: date | None,
    department: str | None = None,
) -> Period:
    """The clock, explained by the calendars as they are known now; ``ended_on`` stops the count of used
    days."""
    explained = due(calendars, clock.starts_on, clock.limit_wd)
    until = min(today, ended_on) if ended_on else today
    used = used_wd(calendars, clock.starts_on, until)
    return Period(
        kind=clock.kind,
        department=department,
        starts_on=clock.starts_on,
        limit_wd=clock.limit_wd,
        due_on=clock.due_on,
        provisional=clock.provisional,
        calendar=list(clock.calendar),
        used_wd=used,
        left_wd=max(0, clock.limit_wd - used),
        overdue=until > clock.due_on,
        days=[
            Day(on=each.on, reason=each.reason.value, number=each.number, provisional=each.provisional)
            for each in explained.explanation
        ],
    )


def lane(review: Review, calendars: Calendars, today: date, card: str | None) -> Lane:
    """A department's lane."""
    until = legal_day(review.given_at) if review.given_at else today
    used = used_wd(calendars, review.clock.starts_on, until) if review.clock else None
    return Lane(
        department=review.department,
        role=review.role,
        after=list(review.after),
        released=review.is_released,
        released_at=review.released_at,
        outcome=review.outcome,
        reasons=list(review.reasons),
        conditions=list(review.conditions),
        given_at=review.given_at,
        clock=review.clock,
        used_wd=used,
        left_wd=max(0, review.limit_wd - used) if used is not None else None,
        overdue=review.clock is not None and until > review.clock.due_on,
        card=card,
        document_sha256=review.document_sha256,
    )


def periods(case: Case, calendars: Calendars, today: date) -> list[Period]:
    """Every period of the case, in the order they began."""

    def on(moment: datetime | None) -> date | None:
        return legal_day(moment) if moment else None

    correction, acceptance, decision = case.correction, case.acceptance, case.decision
    closed = on(case.declined.declined_at if case.declined else None) or on(
        case.withdrawal.withdrawn_at if case.withdrawal else None
    )
    noticed = on(correction.requested_at if correction else None) or on(
        acceptance.said_at if acceptance else None
    )
    found = [period(case.notice, calendars, today, ended_on=noticed or closed)]
    if correction is not None:
        ended = on(correction.corrected_at) or closed
        found.append(period(correction.respond, calendars, today, ended_on=ended))
    if case.duty is not None and acceptance is None:
        found.append(period(case.duty, calendars, today, ended_on=closed))
    if acceptance is not None:
        ended = on(decision.decided_at if decision else None) or closed
        found += [
            period(each, calendars, today, ended_on=ended)
            for each in (acceptance.promised, acceptance.statutory)
        ]
    if case.issued is not None:
        ended = on(case.delivery.delivered_at if case.delivery else None)
        found.append(period(case.issued.delivery, calendars, today, ended_on=ended))
    return found


def line(
    case: Case,
    name: LocalText,
    due_on: date | None,
    checks: Sequence[Check],
    reviews: Sequence[Review],
    now: datetime,
) -> CaseLine:
    """The case as one line of a list."""
    return CaseLine(
        case_id=case.case_id,
        application_no=case.application_no,
        item_code=case.item_code,
        item_version=case.item_version,
        item_name=name,
        state=case.state,
        channel=case.channel,
        received_at=case.received_at,
        due_on=due_on,
        missing=len(case.noted),
        waits_for=waits_for(case, checks, reviews, now),
    )


def _cards(moments: Sequence[Moment]) -> Mapping[str, str]:
    """The strongest card per department: red after yellow."""
    found: dict[str, str] = {}
    for moment in moments:
        if moment.kind == "card_issued" and moment.department:
            colour = str(moment.detail.get("colour"))
            found[moment.department] = "red" if found.get(moment.department) == "red" else colour
    return found


async def case_view(reader: AsyncConnection, case: Case, item: Item, now: datetime) -> CaseView:
    """The whole case from stored rows (six statements)."""
    today = legal_day(now)
    calendars = await queries.calendars(reader)
    checks = await queries.checks_of(reader, case.case_id)
    reviews = await queries.reviews_of(reader, case.case_id)
    moments = [Moment.model_validate(row) for row in await queries.timeline_of(reader, case.case_id)]
    cards = _cards(moments)
    order = {step.department: place for place, step in enumerate(item.plan)}
    reviews.sort(key=lambda review: order.get(review.department, len(order)))
    lanes = [lane(review, calendars, today, cards.get(review.department)) for review in reviews]
    short = line(case, item.name, next_day_due(case), checks, reviews, now)
    return CaseView(
        **{name: getattr(short, name) for name in CaseLine.model_fields},
        applicant=case.applicant,
        mode=case.acceptance.mode if case.acceptance else None,
        lead=item.lead,
        decision_by=item.decision,
        hearing=item.hearing,
        facts=case.facts,
        materials=list(case.materials),
        noted=list(case.noted),
        correction=case.correction,
        declined=case.declined,
        accepted_at=case.acceptance.accepted_at if case.acceptance else None,
        due=periods(case, calendars, today),
        lanes=lanes,
        checks=checks,
        decision=case.decision,
        fee_state=case.fee_state,
        charge=case.charge,
        issued=case.issued,
        remedies=_remedies(case, item, calendars),
        delivery=case.delivery,
        withdrawal=case.withdrawal,
        documents=await _papers(reader, case),
        timeline=moments,
        business_now=now,
    )


def _remedies(case: Case, item: Item, calendars: Calendars) -> list[dict[str, Any]]:
    """Counted from the day the person received the refusal or the decline; from its day of issue until
    then."""
    if case.declined is not None:
        return remedies(item, legal_day(case.declined.declined_at), calendars)
    if case.issued is None or case.issued.kind != "refusal":
        return []
    known = case.delivery.delivered_at if case.delivery else case.issued.issued_at
    return remedies(item, legal_day(known), calendars)


async def _papers(reader: AsyncConnection, case: Case) -> list[Paper]:
    rows = await queries.documents_of(reader, case.case_id)
    proofs = await queries.proofs_of(reader, case, [row["sha256"] for row in rows])
    by_paper = {proof.document_sha256: proof for proof in proofs if proof.document_sha256}
    by_event = {proof.event_id: proof for proof in proofs}
    decided = case.decision
    if decided is not None and decided.event_id in by_event:
        by_paper.setdefault(decided.document_sha256, by_event[decided.event_id])
    return [Paper(**row, proof=by_paper.get(row["sha256"])) for row in rows]
