"""What the window refuses, named for the rule; the codes are stable and appear in problems, logs and
metrics."""

from __future__ import annotations

from typing import Any

from libs.refusals import NotFound, Refusal


class UnknownItem(NotFound):
    """Never published: cannot be applied for (AL 5(2))."""

    code = "unknown_item"
    title = "No such service item has been published."


class ItemNotInForce(Refusal):
    """The version asked for is not the one in force today."""

    code = "item_not_in_force"
    status = 422
    title = "This version of the service item is not in force today."


class _Misfit(Refusal):
    status = 422

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        listed = "; ".join(f"{error['at']}: {error['what']}" for error in errors[:5])
        super().__init__(listed, errors=errors[:50])


class InvalidFacts(_Misfit):
    """A value has the wrong type or lies outside what the item publishes. Missing values are no reason to
    refuse."""

    code = "invalid_facts"
    title = "Some answers do not fit the form."


class InvalidMaterials(_Misfit):
    """A material is not on the list, or was not uploaded by this person."""

    code = "invalid_materials"
    title = "Some materials cannot be attached."


class InvalidDefects(_Misfit):
    """A defect names nothing the item asks for, or has no reason (AL 30, 31)."""

    code = "invalid_defects"
    title = "A notice may only name what the published item asks for."


class InvalidCorrection(_Misfit):
    """The answer touches what the notice did not list, or leaves a listed defect open (AL 32(1)(5))."""

    code = "invalid_correction"
    title = "Answer every listed defect, and nothing else."


class AlreadyRequested(Refusal):
    """The one-time notice was given (AL 32(1)(4): once, everything)."""

    code = "already_requested"
    title = "Correction was already requested once; it may not be requested again."


class NothingToCorrect(Refusal):
    """A notice without a defect is none."""

    code = "nothing_to_correct"
    title = "There is no defect to tell the applicant about."


class NoticeTooLate(Refusal):
    """The time for the notice is over; silence has accepted (AL 32(1)(4))."""

    code = "notice_too_late"
    title = "The time for the notice is over; the application counts as accepted since its receipt."


class NoCorrectionAsked(Refusal):
    """Nothing was asked, or it was answered already."""

    code = "no_correction_asked"
    title = "No correction is asked for in this case now."


class CorrectionTooLate(Refusal):
    """The published time to answer is over."""

    code = "correction_too_late"
    title = "The time to answer the notice is over."


class NotComplete(Refusal):
    """Something the item asks for is missing: give the one-time notice, or let silence accept."""

    code = "not_complete"
    title = "The application is not complete."


class AlreadyAccepted(Refusal):
    """Accepted is accepted (AL 32)."""

    code = "already_accepted"
    title = "The application was already accepted."


class MustAccept(Refusal):
    """What the notice listed has been supplied: the window must accept (AL 32(1)(5))."""

    code = "must_accept"
    title = "Everything asked for was supplied; the application must be accepted."


class AgencyMissing(Refusal):
    """Declining for lack of competence must name the right agency (AL 32(1)(2))."""

    code = "right_agency_missing"
    status = 422
    title = "Name the agency that is competent."


class StillTime(Refusal):
    """The applicant may still answer."""

    code = "still_time_to_correct"
    title = "The applicant still has time to answer the notice."


class CaseClosed(Refusal):
    """Nothing more happens to a case that was declined or withdrawn, or whose document was delivered."""

    code = "case_closed"
    title = "This case is closed."


class NotYet(Refusal):
    """The act belongs to a later stage."""

    code = "not_yet"
    title = "This is not possible at this stage of the case."


class AlreadyDecided(Refusal):
    """After the decision an application cannot be taken back."""

    code = "already_decided"
    title = "The case has been decided."


class NotPlanned(Refusal):
    """Only a department of the case's own plan has a say (AL 26)."""

    code = "department_not_planned"
    title = "This department has no part in the case."


class ReviewNotReleased(Refusal):
    """A predecessor's opinion is still missing."""

    code = "review_not_released"
    title = "A predecessor's opinion is still missing."


class OpinionAlreadyGiven(Refusal):
    """One department, one opinion."""

    code = "opinion_already_given"
    title = "This department has given its opinion."


class NotTheSpeaker(Refusal):
    """A document speaks for another department, case or result than the event that carried it."""

    code = "document_differs"
    title = "The signed document does not say what the event says."


class NotTheLead(Refusal):
    """Only the lead department decides (AL 26(2))."""

    code = "not_the_lead"
    title = "Only the lead department decides this case."


class ReasonsMissing(Refusal):
    """A refusal states reasons and articles (AL 38)."""

    code = "reasons_missing"
    title = "A refusal must state its reasons."


class ObjectionUnanswered(Refusal):
    """Granting against an objection needs an answer to it."""

    code = "objection_unanswered"
    title = "Every objection must be answered before the permit is granted."


class ChargeDiffers(Refusal):
    """One case, one bill."""

    code = "charge_differs"
    title = "This does not fit the bill of the case."


class BadMaterial(Refusal):
    """Not a file the window takes: PDF, PNG, JPEG or plain text, not empty, at most 5 MiB, and what it
    claims to be."""

    code = "bad_material"
    status = 415
    title = "Send a PDF, PNG, JPEG or plain text file."


class MaterialTooLarge(Refusal):
    """Larger than 5 MiB."""

    code = "material_too_large"
    status = 413
    title = "A file may have at most 5 MiB."
