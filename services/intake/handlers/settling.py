"""Level-triggered fan-in: after every commit's deeds, and on a timer, each touched case takes the moves it
can take.

Nothing here counts messages. Whatever order, repetition or delay brought the rows there, the same rows
give the
same moves, in the same transaction as the last row that was missing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from libs.deadlines import Calendars, legal_day
from libs.envelope import instant
from libs.work import Work
from services.intake.domain import voucher
from services.intake.domain.acceptance import released
from services.intake.domain.fan_in import Move, conditions_of, moves
from services.intake.domain.items import Item
from services.intake.domain.outcome import decided_by_consent, issue_permit, issue_refusal, validity
from services.intake.domain.records import Case, Decision, Step
from services.intake.domain.remedies import remedies
from services.intake.domain.reviews import Review
from services.intake.handlers.known import known_calendars
from services.intake.handlers.papers import keep, note, sign
from services.intake.messages.said import (
    DECISION_DUE,
    DECISION_MADE,
    PERMIT_ISSUED,
    REFUSAL_ISSUED,
    REVIEW_RELEASED,
    DecisionDue,
    DecisionMade,
    OpinionSummary,
    PermitIssued,
    RefusalIssued,
    ReviewReleased,
    about,
)
from services.intake.storage import CASES, ITEMS, REVIEWS
from services.intake.storage.due import STANDING

_CASE_ID = re.compile(r"[0-9a-f]{32}")
MOVING = ("accepted", "granted", "refused")


async def settle_cases(work: Work, subjects: list[str]) -> None:
    """Let every touched case take its moves: a few statements for all of them, however many departments they
    have. The reviews of a case are loaded once, when none is missing any more."""
    cases = await work.load(CASES, [(subject,) for subject in subjects if _CASE_ID.fullmatch(subject)])
    ready = await _ready([case for case in cases if case.state in MOVING], work)
    if not ready:
        return
    wanted = [(turn.case.case_id, department) for turn in ready for department in turn.reviews]
    reviews: dict[str, list[Review]] = {}
    for review in await work.load(REVIEWS, wanted):
        reviews.setdefault(review.case_id, []).append(review)
    kept = await work.load(ITEMS, {(turn.case.item_code, str(turn.case.item_version)) for turn in ready})
    items = {(each.item_code, each.item.version): each.item for each in kept}
    calendars = await known_calendars(work)
    for turn in ready:
        case = turn.case
        item = items[(case.item_code, case.item_version)]
        settling = Settling(work, case, item, reviews.get(case.case_id, []), calendars)
        await settling.run(turn.releases)


@dataclass(frozen=True, slots=True)
class Turn:
    """A case that may move, with the reviews that this takes: those released now, or else (None) all of them."""

    case: Case
    reviews: tuple[str, ...]
    releases: tuple[str, ...] | None = None


async def _ready(moving: Sequence[Case], work: Work) -> list[Turn]:
    """Which of these cases may move, found without loading a review that is stored."""
    ready = [Turn(case, _planned(case)) for case in moving if case.state != "accepted" and moves(case, ())]
    staged: dict[str, list[Review]] = {}
    for review in work.staged(REVIEWS):
        staged.setdefault(review.case_id, []).append(review)
    asked: dict[str, Case] = {}
    for case in (case for case in moving if case.state == "accepted"):
        known = staged.get(case.case_id, [])
        if len(known) < len(_planned(case)):
            asked[case.case_id] = case
        elif moves(case, known):  # accepted just now: nothing of it is stored yet
            ready.append(Turn(case, _planned(case)))
    if not asked:
        return ready
    given = [
        ",".join(each.department for each in staged.get(case_id, ()) if each.is_given) for case_id in asked
    ]
    for row in await work.stored(STANDING, cases=list(asked), given=given):
        case = asked[row.case_id]
        if row.complete and case.hearing != "required":
            ready.append(Turn(case, _planned(case)))
        elif row.releasable:
            ready.append(_releasing(case, set(row.releasable)))
    return ready


def _releasing(case: Case, departments: set[str]) -> Turn:
    """What it takes to release these: their reviews, and the opinions they are told."""
    steps = [step for step in _steps(case) if step.department in departments]
    releases = tuple(step.department for step in steps)
    return Turn(
        case, tuple(dict.fromkeys([*releases, *(each for step in steps for each in step.after)])), releases
    )


def _steps(case: Case) -> tuple[Step, ...]:
    return case.acceptance.plan if case.acceptance else ()


def _planned(case: Case) -> tuple[str, ...]:
    return tuple(step.department for step in _steps(case))


class Settling:
    """One case on its way: takes move after move until it waits for somebody."""

    def __init__(
        self, work: Work, case: Case, item: Item, reviews: Sequence[Review], calendars: Calendars
    ) -> None:
        self.work = work
        self.case = case
        self.item = item
        self.reviews = {review.department: review for review in reviews}
        self.calendars = calendars
        self._gathered = False

    async def run(self, releases: Sequence[str] | None) -> None:
        """Release these reviews; or, with all reviews at hand, take moves until there is none."""
        if releases is not None:
            for department in releases:
                self._release(self.reviews[department])
            return
        while found := moves(self.case, list(self.reviews.values())):
            for move in found:
                await self._take(move)

    async def _take(self, move: Move) -> None:
        if move.kind == "release" and move.department is not None:
            self._release(self.reviews[move.department])
            return
        self._gather()
        if move.kind == "decision_due":
            self._ask_the_lead()
        elif move.kind == "decide":
            self._decide_by_consent()
        elif move.kind == "issue_permit":
            await self._issue_permit()
        else:
            self._issue_refusal()

    def _gather(self) -> None:
        """The fan-in belongs to the case's own trace and names every opinion, decision and payment it
        rests on."""
        if self._gathered:
            return
        self._gathered = True
        links = [review.traceparent for review in self.reviews.values()]
        links.append(self.case.decision.traceparent if self.case.decision else None)
        links.append(self.case.charge.traceparent if self.case.charge else None)
        self.work.continue_trace(self.case.traceparent, [link for link in links if link])

    def _put(self, case: Case) -> None:
        self.case = case
        self.work.put(CASES, case)

    def _opinions(self, departments: Sequence[str]) -> list[OpinionSummary]:
        found = (self.reviews[each] for each in departments if each in self.reviews)
        return [OpinionSummary.model_validate(review.summary()) for review in found if review.is_given]

    def _release(self, review: Review) -> None:
        review = released(review, self.work.now, self.calendars)
        self.reviews[review.department] = review
        self.work.put(REVIEWS, review)
        note(self.work, self.case.case_id, "review_released", department=review.department)
        if review.clock is not None:
            self.work.say(
                REVIEW_RELEASED,
                self.case.case_id,
                ReviewReleased(
                    **about(self.case), department=review.department, clock=review.clock,
                    opinions=self._opinions(review.after),
                ),
                department=review.department,
            )  # fmt: skip

    def _ask_the_lead(self) -> None:
        acceptance = self.case.acceptance
        if acceptance is None:
            raise ValueError("not accepted")
        self._put(self.case.model_copy(update={"state": "decision_due", "decision_due_at": self.work.now}))
        note(self.work, self.case.case_id, "decision_due", department=acceptance.lead)
        self.work.say(
            DECISION_DUE,
            self.case.case_id,
            DecisionDue(
                **about(self.case), department=acceptance.lead, facts=self.case.facts,
                opinions=self._opinions([step.department for step in acceptance.plan]),
                clock=acceptance.promised,
            ),
            department=acceptance.lead,
        )  # fmt: skip

    def _decide_by_consent(self) -> None:
        work, case = self.work, self.case
        reviews = list(self.reviews.values())
        conditions = conditions_of(reviews)
        text = voucher.consent_decision(case, self.item, reviews, conditions, instant(work.now))
        document = sign(work, "decision", text)
        sha256 = keep(work, case.case_id, "decision", document)
        event = work.say(
            DECISION_MADE,
            case.case_id,
            DecisionMade(
                **about(case), decision="granted", reasons=[], conditions=list(conditions),
                decided_at=work.now, decision_document=document,
            ),
        )  # fmt: skip
        decision = Decision(
            by="unanimous_consent", decision="granted", conditions=conditions, decided_at=work.now,
            document_sha256=sha256, event_id=event.id, traceparent=event.traceparent,
        )  # fmt: skip
        note(work, case.case_id, "granted")
        self._put(decided_by_consent(case, decision))

    async def _issue_permit(self) -> None:
        work, case = self.work, self.case
        number = await work.next_number("permit_numbers")
        permit_no = f"AP-{legal_day(work.now).year}-{number:06d}"
        first, last = validity(case, self.item, work.now)
        valid = (first.isoformat(), last.isoformat() if last else None)
        document = sign(
            work, "permit", voucher.permit_text(case, self.item, permit_no, valid, instant(work.now))
        )
        sha256 = keep(work, case.case_id, "permit", document)
        self._put(issue_permit(case, self.item, permit_no, work.now, self.calendars, sha256))
        issued = self.case.issued
        if issued is None or issued.valid_from is None or case.decision is None:
            raise ValueError("a permit was issued without a decision")
        note(work, case.case_id, "permit_issued", permit_no=permit_no)
        work.say(
            PERMIT_ISSUED,
            case.case_id,
            PermitIssued(
                **about(case), permit_no=permit_no, issued_at=work.now, valid_from=issued.valid_from,
                valid_until=issued.valid_until, conditions=list(case.decision.conditions),
                clock=issued.delivery, permit=document,
            ),
        )  # fmt: skip

    def _issue_refusal(self) -> None:
        work, case = self.work, self.case
        against = remedies(self.item, legal_day(work.now), self.calendars)
        document = sign(work, "refusal", voucher.refusal_text(case, self.item, against, instant(work.now)))
        sha256 = keep(work, case.case_id, "refusal", document)
        self._put(issue_refusal(case, self.item, work.now, self.calendars, sha256))
        issued = self.case.issued
        if issued is None or case.decision is None:
            raise ValueError("a refusal was issued without a decision")
        note(work, case.case_id, "refusal_issued")
        work.say(
            REFUSAL_ISSUED,
            case.case_id,
            RefusalIssued(
                **about(case), reasons=list(case.decision.reasons), remedies=against, issued_at=work.now,
                clock=issued.delivery, refusal=document,
            ),
        )  # fmt: skip
