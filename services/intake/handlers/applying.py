"""Uploading a file and filing an application: the voucher comes at once, whatever is missing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from libs.deadlines import Calendars, legal_day
from libs.envelope import new_id
from libs.http import WrongFunction
from libs.identity import Person
from libs.references import applicant_ref
from libs.signatures import SignedDocument
from libs.work import Work
from services.intake.domain import voucher
from services.intake.domain.clocks import agency_end, clock
from services.intake.domain.files import sniffed_type
from services.intake.domain.filing import check_in_force, fitting_facts, fitting_materials, missing
from services.intake.domain.items import Facts, Item
from services.intake.domain.plan import planned
from services.intake.domain.records import Applicant, Case, Material
from services.intake.domain.refusals import InvalidMaterials
from services.intake.domain.reviews import Check
from services.intake.handlers.known import item_on, item_version, known_calendars
from services.intake.handlers.papers import keep, note, sign
from services.intake.handlers.sending import capability_for
from services.intake.messages.asked import ApplicationAsked, MaterialAsked
from services.intake.messages.said import (
    CHECK_REQUESTED,
    RECEIVED,
    ApplicationReceived,
    CompletenessCheckRequested,
    about,
)
from services.intake.storage import CASES, CHECKS, MATERIALS
from services.intake.storage.queries import UPLOADED


async def keep_material(work: Work, person: Person, content: bytes, declared: str) -> dict[str, Any]:
    """Keep an uploaded file under its hash; the same file uploaded twice by the same person is kept once."""
    media_type = sniffed_type(content, declared)
    sha256 = hashlib.sha256(content).hexdigest()
    known = await work.rows(UPLOADED, sub=person.sub, hashes=[sha256])
    if not known:
        work.add(
            MATERIALS,
            sha256=sha256,
            uploaded_by=person.sub,
            size=len(content),
            media_type=media_type,
            content=content,
            uploaded_at=work.now,
        )
    return {"sha256": sha256, "size": len(content), "media_type": media_type}


async def attached(
    work: Work, person: Person, item: Item, asked: Sequence[MaterialAsked]
) -> tuple[Material, ...]:
    """The named files with size and type, if this very person uploaded them; InvalidMaterials otherwise."""
    hashes = sorted({material.sha256 for material in asked})
    rows = await work.rows(UPLOADED, sub=person.sub, hashes=hashes) if hashes else []
    found = {row.sha256: (row.size, row.media_type) for row in rows}
    unknown = [
        {"at": f"materials.{index}.sha256", "kind": "not_uploaded", "what": "you have not uploaded this file"}
        for index, material in enumerate(asked)
        if material.sha256 not in found
    ]
    if unknown:
        raise InvalidMaterials(unknown)
    listed = [
        Material(
            code=material.code,
            sha256=material.sha256,
            size=found[material.sha256][0],
            media_type=found[material.sha256][1],
            name=material.name,
        )
        for material in asked
    ]
    return fitting_materials(item, listed)


async def file_application(work: Work, person: Person, asked: ApplicationAsked) -> dict[str, Any]:
    """Receive an application: number and voucher at once, notice clock running, departments asked what is
    missing."""
    today = legal_day(work.now)
    newest = await item_on(work, asked.item_code, today)
    item = newest
    if asked.item_version is not None and asked.item_version != newest.version:
        item = await item_version(work, asked.item_code, asked.item_version)
        check_in_force(item, today, newest)
    facts = fitting_facts(item, asked.facts)
    materials = await attached(work, person, item, asked.materials)
    calendars = await known_calendars(work)
    case = await _new_case(work, person, asked, item, calendars, (facts, materials))
    signed = sign(work, "voucher", voucher.receipt_voucher(case, item))
    case = case.model_copy(
        update={
            "voucher_sha256": keep(work, case.case_id, "receipt", signed),
            "traceparent": work.traceparent,
        }
    )
    work.put(CASES, case)
    note(work, case.case_id, "received", actor=person.sub, missing=len(case.noted))
    work.say(
        RECEIVED,
        case.case_id,
        ApplicationReceived(
            **about(case), applicant=case.applicant, channel=case.channel, received_at=case.received_at,
            facts=item.told(facts), materials=list(materials), clock=case.notice, voucher=signed,
        ),
    )  # fmt: skip
    _ask_departments(work, case, item, calendars)
    return receipt(case, signed)


async def _new_case(
    work: Work, person: Person, asked: ApplicationAsked, item: Item, calendars: Calendars,
    told: tuple[Facts, tuple[Material, ...]],
) -> Case:  # fmt: skip
    at_window = person.may("window_officer")
    if asked.on_behalf_of is not None and not at_window:
        raise WrongFunction("only a window officer may receive an application for somebody else")
    owner = asked.on_behalf_of or person.sub
    number = await work.next_number("application_numbers")
    today = legal_day(work.now)
    notice = clock(calendars, "notice", today, item.limits.notice_wd)
    return Case(
        case_id=new_id(),
        application_no=f"AL-{today.year}-{number:06d}",
        item_code=item.item_code,
        item_version=item.version,
        state="received",
        applicant=Applicant(
            kind=asked.applicant.kind, ref=applicant_ref(work.settings.reference_secret, owner)
        ),
        owner=owner,
        filed_by=person.sub,
        channel="window" if at_window else "online",
        received_at=work.now,
        facts=told[0],
        materials=told[1],
        noted=missing(item, *told),
        hearing=item.hearing,
        fee_timing=item.fee.timing if item.fee else None,
        delivery_wd=item.limits.delivery_wd,
        notice=notice,
        acts_at=agency_end(notice, calendars),  # as when_law_acts has it of a case received
    )


def _ask_departments(work: Work, case: Case, item: Item, calendars: Calendars) -> None:
    """Every department that may get the case checks its materials on its own short clock."""
    today = legal_day(work.now)
    running = clock(calendars, "check", today, item.limits.check_wd)
    same = CompletenessCheckRequested(
        **about(case), department="", facts=case.facts, materials=list(case.materials), clock=running,
        capability="",
    ).model_dump(mode="json")  # fmt: skip
    for department in [step.department for step in planned(item, case.facts)]:
        work.put(
            CHECKS, Check(case_id=case.case_id, department=department, clock=running, asked_at=work.now)
        )
        own = {"department": department, "capability": capability_for(work, case, department)}
        work.say(
            CHECK_REQUESTED,
            case.case_id,
            {**same, **own},
            department=department,
            model=CompletenessCheckRequested,
        )


def receipt(case: Case, signed: SignedDocument) -> dict[str, Any]:
    """What the applicant gets at once."""
    return {
        "case_id": case.case_id,
        "application_no": case.application_no,
        "state": case.state,
        "item_code": case.item_code,
        "item_version": case.item_version,
        "received_at": case.received_at,
        "clock": case.notice.model_dump(mode="json"),
        "missing": [defect.model_dump() for defect in case.noted],
        "voucher": signed.model_dump(),
        "voucher_sha256": case.voucher_sha256,
    }
