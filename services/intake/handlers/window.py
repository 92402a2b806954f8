"""The window officer's deeds: the one-time notice, the acceptance, declining."""

from __future__ import annotations

from typing import Any

from libs.deadlines import legal_day
from libs.envelope import instant
from libs.identity import Person
from libs.work import Work
from services.intake.domain import voucher
from services.intake.domain.acceptance import DeclineReason, acceptance_mode, decline
from services.intake.domain.clocks import term
from services.intake.domain.items import Item, LocalText
from services.intake.domain.notice import check_may_request, merged_defects, request_correction
from services.intake.domain.records import Case, Defect
from services.intake.domain.remedies import remedies
from services.intake.handlers.known import any_case, checks_of, item_of, known_calendars
from services.intake.handlers.papers import keep, note, sign
from services.intake.handlers.sending import send_acceptance
from services.intake.messages.asked import CorrectionRequestAsked, DeclineAsked
from services.intake.messages.said import (
    CORRECTION_REQUESTED,
    DECLINED,
    ApplicationDeclined,
    CorrectionRequested,
    about,
)
from services.intake.storage import CASES


async def request_corrections(
    work: Work, person: Person, case_id: str, asked: CorrectionRequestAsked
) -> dict[str, Any]:
    """Give the one-time notice: what is missing, what the officer found and what departments reported,
    merged."""
    case = await any_case(work, case_id)
    check_may_request(case, work.now)
    item = await item_of(work, case)
    calendars = await known_calendars(work)
    own = [
        Defect(no=0, target=each.target, what=each.what, article=each.article, found_by="intake")
        for each in asked.defects
    ]
    defects = merged_defects(item, case.noted, own, await checks_of(work, case, item))
    respond = term(calendars, "respond", legal_day(work.now), item.correction.respond_wd)
    notice = sign(work, "notice", voucher.correction_notice(case, item, defects, respond, instant(work.now)))
    sha256 = keep(work, case_id, "notice", notice)
    case = request_correction(case, item, defects, work.now, calendars, sha256)
    work.put(CASES, case)
    note(work, case_id, "correction_requested", actor=person.sub, defects=len(defects))
    work.say(
        CORRECTION_REQUESTED,
        case_id,
        CorrectionRequested(**about(case), defects=list(defects), requested_at=work.now, notice=notice),
    )
    return {
        "case_id": case_id,
        "state": case.state,
        "defects": [defect.model_dump() for defect in defects],
        "respond": respond.model_dump(mode="json"),
        "notice": notice.model_dump(),
        "notice_sha256": sha256,
    }


async def accept_application(work: Work, person: Person, case_id: str) -> dict[str, Any]:
    """Accept a complete or corrected application (AL 32(1)(5)) and send it out."""
    case = await any_case(work, case_id)
    item = await item_of(work, case)
    mode = acceptance_mode(case, await checks_of(work, case, item), work.now)
    return send_acceptance(work, case, item, mode, await known_calendars(work), person.sub)


async def decline_application(
    work: Work, person: Person, case_id: str, asked: DeclineAsked
) -> dict[str, Any]:
    """Refuse at the window, with reasons, the right agency where due, and the remedies."""
    case = await any_case(work, case_id)
    item = await item_of(work, case)
    agency = LocalText(zh=asked.right_agency.zh, en=asked.right_agency.en) if asked.right_agency else None
    return await send_decline(work, case, item, asked.reason_code, asked.reason, agency, person.sub)


async def send_decline(
    work: Work, case: Case, item: Item, reason_code: DeclineReason, reason: str, agency: LocalText | None,
    actor: str | None,
) -> dict[str, Any]:  # fmt: skip
    """Decline the case and hand out the voucher that says why and what can be done against it."""
    named = agency.model_dump() if agency else None
    case = decline(case, reason_code, reason, named, work.now)
    against = remedies(item, legal_day(work.now), await known_calendars(work))
    signed = sign(work, "voucher", voucher.decline_voucher(case, item, named, against))
    sha256 = keep(work, case.case_id, "decline", signed)
    if case.declined is not None:
        case = case.model_copy(
            update={"declined": case.declined.model_copy(update={"voucher_sha256": sha256})}
        )
    work.put(CASES, case)
    note(work, case.case_id, "declined", actor=actor, reason_code=reason_code)
    work.say(
        DECLINED,
        case.case_id,
        ApplicationDeclined(
            **about(case), reason_code=reason_code, reason=reason, right_agency=agency, declined_at=work.now,
            voucher=signed,
        ),
    )  # fmt: skip
    return {
        "case_id": case.case_id,
        "state": case.state,
        "reason_code": reason_code,
        "voucher": signed.model_dump(),
        "voucher_sha256": sha256,
    }
