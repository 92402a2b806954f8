"""Why a department's act is not allowed: one refusal per rule, each with its stable code."""

from __future__ import annotations

from libs.refusals import Refusal


class NotCompetent(Refusal):
    """AL 4: the item's plan gives this department nothing to do."""

    code = "not_competent"
    title = "The published item gives this department no part in the case."


class TaskClosed(Refusal):
    """The case is closed for this department (the application was withdrawn)."""

    code = "task_closed"
    title = "The case is closed for this department."


class NotReleased(Refusal):
    """A predecessor is still at work: pre-review is possible, an opinion is not (AL 26(2))."""

    code = "not_released"
    title = "An opinion can be given when the departments before have given theirs."


class AlreadyGiven(Refusal):
    """One department gives one opinion."""

    code = "already_given"
    title = "The department has already given its opinion."


class OpinionNotAsked(Refusal):
    """The department is asked for a completeness check, not for an opinion."""

    code = "opinion_not_asked"
    title = "The department has not been asked for an opinion."


class CheckNotAsked(Refusal):
    """The department was not asked to check completeness."""

    code = "check_not_asked"
    title = "The department has not been asked to check these materials."


class CheckClosed(Refusal):
    """AL 32(1)(4): defects are told once and in time; after the check's last day silence means none."""

    code = "check_closed"
    title = "The time for naming defects is over."


class AlreadyReported(Refusal):
    """AL 32(1)(4): all defects at once."""

    code = "already_reported"
    title = "The department has already named its defects; they are named once and all together."


class UnknownTarget(Refusal):
    """A defect concerns a material or field of this department's part."""

    code = "unknown_target"
    status = 422
    title = "A defect names a material or field that is not this department's to check."


class UnknownCondition(Refusal):
    """AL 5(2): what is not published cannot be a ground."""

    code = "unknown_condition"
    status = 422
    title = "This condition is not published for the department's part of the item."


class ConditionsUnanswered(Refusal):
    """An opinion answers each of the department's conditions, once."""

    code = "conditions_unanswered"
    status = 422
    title = "Each of the department's conditions needs exactly one answer."


class ReasonsMissing(Refusal):
    """AL 38: no objection and no refusal without a reason that cites a published condition."""

    code = "reasons_missing"
    status = 422
    title = "State the reason, and the published condition it cites."


class ConditionsMissing(Refusal):
    """A consent with conditions names them."""

    code = "conditions_missing"
    status = 422
    title = "Name the conditions of the consent."


class OutcomeContradicts(Refusal):
    """The outcome must follow from the answers."""

    code = "outcome_contradicts"
    status = 422
    title = "The outcome does not follow from the answers to the conditions."


class DecisionNotDue(Refusal):
    """AL 37: the lead decides when every opinion is in."""

    code = "decision_not_due"
    title = "The decision is not due: opinions, statements or hearings are still open."


class AlreadyDecided(Refusal):
    """There is one decision."""

    code = "already_decided"
    title = "The decision is already signed."


class SamePerson(Refusal):
    """Who examines does not decide: the head signs what another officer has examined."""

    code = "same_person"
    title = "The person who gave the department's opinion cannot sign the decision."


class NotAllObjectionsAnswered(Refusal):
    """Granting over an objection needs an answer to it, which the applicant and the public can read."""

    code = "objections_unanswered"
    status = 422
    title = "Answer every objection before granting."


class UnknownDepartment(Refusal):
    """An answer goes to a department that objected."""

    code = "unknown_department"
    status = 422
    title = "This department has not objected."
