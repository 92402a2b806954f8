"""The one-time notice: everything that is missing, told once and in time, and the applicant's answer to it.

AL 32(1)(4): incomplete, so told once, on the spot or within the limit, everything; otherwise accepted since
receipt. AL 32(1)(5): afterwards only the listed defects may be checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from libs.deadlines import Calendars, legal_day
from services.intake.domain.clocks import term, when_law_acts
from services.intake.domain.items import Facts, Item
from services.intake.domain.records import Case, Correction, Defect, Material, Reply
from services.intake.domain.refusals import (
    AlreadyAccepted,
    AlreadyRequested,
    CaseClosed,
    CorrectionTooLate,
    InvalidCorrection,
    InvalidDefects,
    NoCorrectionAsked,
    NothingToCorrect,
    NoticeTooLate,
)
from services.intake.domain.reviews import Check

MOST_DEFECTS = 100


def check_may_request(case: Case, now: datetime) -> None:
    """Once, before acceptance, in time; a refusal says which of these fails."""
    if case.state in ("correction_requested", "corrected"):
        raise AlreadyRequested(f"requested at {case.correction.requested_at}" if case.correction else "")
    if case.state in ("declined", "withdrawn"):
        raise CaseClosed(case.state)
    if case.state != "received":
        raise AlreadyRequested() if case.correction else AlreadyAccepted()
    if case.acts_at is not None and now >= case.acts_at:
        raise NoticeTooLate(f"the notice was due on {case.notice.due_on}")


def merged_defects(
    item: Item, noted: Iterable[Defect], own: Sequence[Defect], checks: Iterable[Check]
) -> tuple[Defect, ...]:
    """One list of everything: what was missing on receipt, what the window and the departments found.

    The same target told by the same words appears once; InvalidDefects for a target the item does not ask
    for,
    NothingToCorrect when the list is empty.
    """
    errors = [
        {
            "at": f"defects.{index}.target",
            "kind": "unknown_target",
            "what": "the published item does not ask for this",
        }
        for index, defect in enumerate(own)
        if not item.has_target(defect.target)
    ]
    if errors:
        raise InvalidDefects(errors)
    told = {defect.target for defect in own}
    listed = [defect for defect in noted if defect.target not in told]
    listed += own
    for check in sorted(checks, key=lambda each: each.department):
        listed += [] if check.too_late else check.defects
    kept: dict[tuple[str, str], Defect] = {}
    for defect in listed:
        kept.setdefault((defect.target, defect.what.strip()), defect)
    if not kept:
        raise NothingToCorrect()
    if len(kept) > MOST_DEFECTS:
        raise InvalidDefects([{"at": "defects", "kind": "too_many", "what": f"at most {MOST_DEFECTS}"}])
    return tuple(defect.model_copy(update={"no": no}) for no, defect in enumerate(kept.values(), start=1))


def request_correction(
    case: Case,
    item: Item,
    defects: tuple[Defect, ...],
    now: datetime,
    calendars: Calendars,
    notice_sha256: str,
) -> Case:
    """The notice is given; the notice clock stops and the applicant's time to answer starts."""
    check_may_request(case, now)
    respond = term(calendars, "respond", legal_day(now), item.correction.respond_wd)
    correction = Correction(defects=defects, requested_at=now, respond=respond, notice_sha256=notice_sha256)
    changed = case.model_copy(update={"state": "correction_requested", "correction": correction})
    return changed.model_copy(update={"acts_at": when_law_acts(changed, calendars)})


def keep_defects(check: Check, case: Case, defects: tuple[Defect, ...], now: datetime) -> Check:
    """A department's findings; those that come after the notice or the acceptance are kept but bind
    nobody."""
    return check.model_copy(
        update={"defects": defects, "reported_at": now, "too_late": case.state != "received"}
    )


def correct(case: Case, item: Item, answer: Correcting, now: datetime, calendars: Calendars) -> Case:
    """The applicant's answer to every listed defect, and to nothing else; the window's duty to accept
    starts."""
    correction = case.correction
    if case.state != "correction_requested" or correction is None:
        raise CaseClosed(case.state) if not case.is_open else NoCorrectionAsked()
    if case.acts_at is not None and now >= case.acts_at:
        raise CorrectionTooLate(f"the answer was due on {correction.respond.due_on}")
    facts = {**case.facts, **answer.facts}
    supplied = {material.code for material in answer.materials}
    materials = (*(each for each in case.materials if each.code not in supplied), *answer.materials)
    errors = _not_listed(correction, answer) + _not_answered(correction, item, facts, answer)
    if errors:
        raise InvalidCorrection(errors)
    changed = case.model_copy(
        update={
            "state": "corrected",
            "facts": facts,
            "materials": materials,
            "correction": correction.model_copy(update={"replies": answer.replies, "corrected_at": now}),
            "duty": term(calendars, "accept", legal_day(now), item.limits.notice_wd),
        }
    )
    return changed.model_copy(update={"acts_at": when_law_acts(changed, calendars)})


class Correcting:
    """What the applicant sends in answer: new facts, new materials, words; already checked for type and
    list."""

    def __init__(self, facts: Facts, materials: tuple[Material, ...], replies: tuple[Reply, ...]) -> None:
        self.facts = facts
        self.materials = materials
        self.replies = replies


def _not_listed(correction: Correction, answer: Correcting) -> list[dict[str, Any]]:
    targets = {defect.target for defect in correction.defects}
    numbers = {defect.no for defect in correction.defects}
    told = {"kind": "not_listed", "what": "the notice did not ask for this"}
    errors = [{"at": f"facts.{code}", **told} for code in answer.facts if code not in targets]
    errors += [
        {"at": f"materials.{index}.code", **told}
        for index, material in enumerate(answer.materials)
        if material.code not in targets
    ]
    errors += [
        {"at": f"answers.{index}.no", **told}
        for index, reply in enumerate(answer.replies)
        if reply.no not in numbers
    ]
    return errors


def _not_answered(
    correction: Correction, item: Item, facts: Facts, answer: Correcting
) -> list[dict[str, Any]]:
    """Defects answered neither by a new value or file nor in words, and not made needless by the new
    facts."""
    given = set(answer.facts) | {material.code for material in answer.materials}
    replied = {reply.no for reply in answer.replies if reply.answer.strip()}
    open_ones = []
    for defect in correction.defects:
        asked = item.material(defect.target)
        needless = defect.found_by == "intake" and asked is not None and asked.is_needed(facts) is False
        if not (defect.target in given or defect.no in replied or needless):
            what = f"defect {defect.no} ({defect.target}) is not answered"
            open_ones.append({"at": f"answers.{defect.no}", "kind": "not_answered", "what": what})
    return open_ones
