"""One department's part in one case: what it heard and did, from which its state follows.

What is heard only ever adds a fact, and the state is read off the facts, so events may come in any order and
twice and the end is the same. What the department does is refused loudly when the facts do not allow it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, Self

from services.review.domain import refusals, rules
from services.review.domain.facts import (
    Check,
    Clock,
    Closing,
    ConditionAnswer,
    Decision,
    DecisionCall,
    Defect,
    DefectReport,
    Fact,
    GivenOpinion,
    Material,
    ObjectionAnswer,
    OpinionSummary,
    Outcome,
    Reason,
    Release,
    ReviewRequest,
    State,
)
from services.review.domain.item import Item, LocalText


class Task(Fact):
    """One department's part in one case."""

    case_id: str
    application_no: str
    item_code: str
    item_version: int
    item_name: LocalText
    check: Check | None = None
    report: DefectReport | None = None
    request: ReviewRequest | None = None
    release: Release | None = None
    opinion: GivenOpinion | None = None
    call: DecisionCall | None = None
    decision: Decision | None = None
    closing: Closing | None = None

    @property
    def state(self) -> State:
        """Where the task stands; it follows from what was heard and done."""
        if self.decision is not None:
            return "decided"
        if self.closing is not None:
            return "closed"
        if self.call is not None:
            return "decision_due"
        if self.opinion is not None:
            return "opinion_given"
        if self.request is not None:
            return "open" if self.is_released else "pre_review"
        return "checked" if self.report is not None else "checking"

    @property
    def is_released(self) -> bool:
        """Whether an opinion may be given as far as predecessors are concerned."""
        return self.release is not None or (self.request is not None and self.request.released)

    @property
    def clock(self) -> Clock | None:
        """The clock that runs against this department now; None while it waits for others or is done."""
        if self.state == "decision_due" and self.call is not None:
            return self.call.clock
        if self.state == "open" and self.request is not None:
            return self.release.clock if self.release is not None else self.request.clock
        return self.check.clock if self.state == "checking" and self.check is not None else None

    @property
    def facts(self) -> dict[str, Any]:
        """The application's facts as last told: of the decision's call, the review or the check."""
        latest = self.call or self.request or self.check
        return latest.facts if latest else {}

    @property
    def materials(self) -> tuple[Material, ...]:
        """The materials as last told."""
        latest = self.request or self.check
        return latest.materials if latest else ()

    @property
    def opinions(self) -> tuple[OpinionSummary, ...]:
        """The other departments' opinions told to this one."""
        if self.call is not None:
            return self.call.opinions
        return self.release.opinions if self.release is not None else ()

    @property
    def traceparent(self) -> str | None:
        """The case's trace where this task belongs to it: the call, the request, or the check."""
        latest = self.call or self.request or self.check
        return latest.traceparent if latest else None

    def hears(self, **facts: Fact) -> Self:
        """The task with what was heard. Told twice, the first telling stands."""
        new = {name: fact for name, fact in facts.items() if getattr(self, name) is None}
        return self.model_copy(update=new)

    def report_defects(
        self,
        item: Item,
        department: str,
        found: Sequence[Defect],
        *,
        by: str,
        now: datetime,
        closes_at: datetime,
    ) -> Self:
        """Name all defects of the completeness check, once and in time (AL 32(1)(4)); no entry says none."""
        self._refuse_if_closed()
        if self.check is None:
            raise refusals.CheckNotAsked()
        if self.report is not None:
            raise refusals.AlreadyReported()
        if now > closes_at or self.request is not None or self.call is not None:
            raise refusals.CheckClosed()
        rules.check_targets(item, department, [each.target for each in found])
        return self.model_copy(
            update={"report": DefectReport(defects=tuple(found), reported_at=now, reported_by=by)}
        )

    def give_opinion(
        self, item: Item, department: str, outcome: Outcome, answers: Sequence[ConditionAnswer],
        conditions: Sequence[str], *, by: str, now: datetime,
    ) -> Self:  # fmt: skip
        """Give the department's one opinion, condition by condition (AL 34, 38)."""
        self._refuse_if_closed()
        if item.step(department) is None:
            raise refusals.NotCompetent()
        if self.opinion is not None:
            raise refusals.AlreadyGiven()
        if self.request is None:
            raise refusals.OpinionNotAsked()
        if not self.is_released:
            raise refusals.NotReleased(waits_for=list(self.request.after))
        pairs = [(each.condition, each.answer, each.evidence) for each in answers]
        rules.check_opinion(self.request.conditions, outcome, pairs, conditions)
        reasons = tuple(
            Reason(condition=code, text=evidence, article=rules.article(item, code))
            for code, answer, evidence in pairs
            if evidence.strip() and (outcome != "object" or answer == "not_met")
        )
        opinion = GivenOpinion(
            outcome=outcome, answers=tuple(answers), reasons=reasons, conditions=tuple(conditions),
            given_at=now, given_by=by,
        )  # fmt: skip
        return self.model_copy(update={"opinion": opinion})

    def decide(
        self, item: Item, department: str, decision: Literal["granted", "refused"], reasons: Sequence[Reason],
        conditions: Sequence[str], answers: Sequence[ObjectionAnswer], *, by: str, now: datetime,
    ) -> Self:  # fmt: skip
        """Take the lead department's decision (AL 37, 38)."""
        if self.decision is not None:
            raise refusals.AlreadyDecided()
        self._refuse_if_closed()
        if item.lead != department:
            raise refusals.NotCompetent()
        if self.call is None:
            raise refusals.DecisionNotDue()
        if self.opinion is not None and self.opinion.given_by == by:
            raise refusals.SamePerson()
        rules.check_decision(
            item, decision, [(each.condition, each.text) for each in reasons], conditions,
            [each.department for each in self.call.objections],
            [(each.department, each.answer) for each in answers],
        )  # fmt: skip
        cited = tuple(
            each.model_copy(update={"article": rules.article(item, each.condition)})
            if each.condition and not each.article
            else each
            for each in reasons
        )
        taken = Decision(
            decision=decision, reasons=cited, conditions=tuple(conditions), answers=tuple(answers),
            decided_at=now, decided_by=by,
        )  # fmt: skip
        return self.model_copy(update={"decision": taken})

    def _refuse_if_closed(self) -> None:
        if self.closing is not None:
            raise refusals.TaskClosed(self.closing.reason)
