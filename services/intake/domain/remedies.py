"""The five rights of a person against a decision (AL 7), with authority and last day."""

from __future__ import annotations

from datetime import date
from typing import Any

from libs.deadlines import Calendars, add_calendar_days_for_remedies, add_months_for_remedies
from services.intake.domain.items import Item

RECONSIDERATION_DAYS = 60  # Reconsideration Law 20: calendar days from knowing
LITIGATION_MONTHS = 6  # Administrative Litigation Law 46
COMPENSATION_MONTHS = 24  # State Compensation Law 39: two years
_WINDOW = {"zh": "本中心综合窗口", "en": "The window of this center"}
_TEXTS = {
    "statement": {"zh": "随时可以陈述和申辩", "en": "State your view and your defence at any time"},
    "reconsideration": {
        "zh": "自知道本决定之日起60日内可以申请行政复议",
        "en": "Ask for reconsideration within 60 days of learning of this decision",
    },
    "litigation": {
        "zh": "自知道本决定之日起6个月内可以起诉",
        "en": "Sue within 6 months of learning of this decision",
    },
    "compensation": {
        "zh": "合法权益因违法行为受损的，两年内可以要求赔偿",
        "en": "Claim compensation within two years if an unlawful act has harmed you",
    },
    "complaint": {"zh": "随时可以投诉举报", "en": "Complain at any time"},
}


def remedies(item: Item, known_on: date, calendars: Calendars) -> list[dict[str, Any]]:
    """The rights, their last days counted from ``known_on``, the day the decision became known.

    Reconsideration or litigation is the applicant's free choice against a refusal (law.md C8); a last day
    that is a rest day moves to the first day after (T-6).
    """
    to = item.remedies
    reconsider = add_calendar_days_for_remedies(calendars, known_on, RECONSIDERATION_DAYS)
    sue = add_months_for_remedies(calendars, known_on, LITIGATION_MONTHS)
    claim = add_months_for_remedies(calendars, known_on, COMPENSATION_MONTHS)
    return [
        _right("statement", _WINDOW, None),
        _right("reconsideration", to.reconsideration_authority.model_dump(), reconsider.due_on),
        _right("litigation", to.court.model_dump(), sue.due_on),
        _right("compensation", to.compensation_agency.model_dump(), claim.due_on),
        _right("complaint", _WINDOW, None),
    ]


def _right(kind: str, authority: dict[str, str], until: date | None) -> dict[str, Any]:
    last = until.isoformat() if until else None
    return {"kind": kind, "authority": authority, "until_on": last, "text": _TEXTS[kind]}
