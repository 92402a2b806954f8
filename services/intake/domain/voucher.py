"""What the window's own papers say: vouchers, the notice, the permit, the refusal. Written here, signed
elsewhere.

No name stands in them: the holder is the opaque reference of the applicant. They are the proof of an act
of the
window (AL 32(2)) and go, as they are, into the public log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from libs.envelope import instant
from services.intake.domain.items import Item
from services.intake.domain.records import Case, Counted, Defect, Term
from services.intake.domain.reviews import Review

Text = dict[str, Any]


def _about(case: Case, item: Item) -> Text:
    return {
        "case_id": case.case_id,
        "application_no": case.application_no,
        "item_code": case.item_code,
        "item_version": case.item_version,
        "item_name": item.name.model_dump(),
        "applicant_ref": case.applicant.ref,
    }


def _clock(known: Counted) -> Text:
    return known.model_dump(mode="json")


def receipt_voucher(case: Case, item: Item) -> Text:
    """Received: the number, the moment, the hashes of what was handed in, and the last day of each duty
    owed."""
    limits = item.limits
    return {
        **_about(case, item),
        "act": "received",
        "received_at": instant(case.received_at),
        "channel": case.channel,
        "materials": [{"code": each.code, "sha256": each.sha256} for each in case.materials],
        "last_days": {"notice": _clock(case.notice)},
        "limits_wd": {"decision_promised": limits.promised_wd, "decision_statutory": limits.statutory_wd,
                      "delivery": limits.delivery_wd},
        "silence": {
            "zh": f"{case.notice.due_on.isoformat()}下班前没有收到补正通知的，自收到申请之日起即为受理。",
            "en": f"Without a notice by close of business on {case.notice.due_on.isoformat()}, the "
                  "application counts as accepted since the day it was received.",
        },
    }  # fmt: skip


def correction_notice(case: Case, item: Item, defects: Sequence[Defect], respond: Term, said_at: str) -> Text:
    """Everything to supplement or correct, told once (AL 32(1)(4))."""
    return {
        **_about(case, item),
        "act": "correction_requested",
        "requested_at": said_at,
        "defects": [defect.model_dump() for defect in defects],
        "last_days": {"respond": _clock(respond)},
        "on_silence": item.correction.on_silence,
    }


def acceptance_voucher(case: Case, item: Item) -> Text:
    """Accepted: in which mode, from when, by which departments, until when at the latest."""
    acceptance = case.acceptance
    if acceptance is None:
        raise ValueError("not accepted")
    return {
        **_about(case, item),
        "act": "accepted",
        "mode": acceptance.mode,
        "accepted_at": instant(acceptance.accepted_at),
        "said_at": instant(acceptance.said_at),
        "lead": acceptance.lead,
        "departments": [step.department for step in acceptance.plan],
        "last_days": {"decision_promised": _clock(acceptance.promised),
                      "decision_statutory": _clock(acceptance.statutory)},
    }  # fmt: skip


def decline_voucher(
    case: Case, item: Item, right_agency: Mapping[str, str] | None, remedies: Sequence[Mapping[str, Any]]
) -> Text:
    """Not taken up: why, who is competent instead, and what can be done against it (AL 32(1)(1), (2),
    32(2))."""
    declined = case.declined
    if declined is None:
        raise ValueError("not declined")
    return {
        **_about(case, item),
        "act": "declined",
        "reason_code": declined.reason_code,
        "reason": declined.reason,
        "right_agency": dict(right_agency) if right_agency else None,
        "declined_at": instant(declined.declined_at),
        "remedies": [dict(remedy) for remedy in remedies],
    }


def consent_decision(
    case: Case, item: Item, reviews: Sequence[Review], conditions: Sequence[str], at: str
) -> Text:
    """Granted by unanimous consent, naming every opinion it rests on."""
    ordered = sorted(reviews, key=lambda review: review.department)
    return {
        **_about(case, item),
        "act": "decided",
        "decision": "granted",
        "by": "unanimous_consent",
        "decided_at": at,
        "conditions": list(conditions),
        "opinions": [
            {"department": each.department, "outcome": each.outcome, "document_sha256": each.document_sha256}
            for each in ordered
        ],
    }


def permit_text(
    case: Case, item: Item, permit_no: str, valid: tuple[str, str | None], issued_at: str
) -> Text:
    """The permit itself."""
    if case.decision is None:
        raise ValueError("not decided")
    return {
        **_about(case, item),
        "act": "permit_issued",
        "permit_no": permit_no,
        "permit_name": item.permit.name.model_dump(),
        "issued_at": issued_at,
        "valid_from": valid[0],
        "valid_until": valid[1],
        "conditions": list(case.decision.conditions),
        "decision_sha256": case.decision.document_sha256,
        "decided_at": instant(case.decision.decided_at),
        "bill_no": case.charge.bill_no if case.charge else None,
    }


def refusal_text(case: Case, item: Item, remedies: Sequence[Mapping[str, Any]], issued_at: str) -> Text:
    """The refusal: reasons, articles, and every remedy with its authority and last day (AL 38)."""
    if case.decision is None:
        raise ValueError("not decided")
    return {
        **_about(case, item),
        "act": "refusal_issued",
        "issued_at": issued_at,
        "reasons": [reason.model_dump() for reason in case.decision.reasons],
        "remedies": [dict(remedy) for remedy in remedies],
        "remedies_count_from": {
            "zh": "期限自您收到本决定之日起算；此处按出具当日收到计算，晚收到的相应顺延。",
            "en": "The periods run from the day you receive this; the days named here assume the day "
                  "of issue, and move later if you receive it later.",
        },
        "decision_sha256": case.decision.document_sha256,
        "decided_at": instant(case.decision.decided_at),
    }  # fmt: skip
