"""The shapes of what a person sees of a case."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel

from services.intake.domain.items import LocalText
from services.intake.domain.records import (
    Applicant,
    Charge,
    Clock,
    Correction,
    Decision,
    Declined,
    Defect,
    Delivered,
    Issued,
    Material,
    Reason,
    Withdrawal,
)
from services.intake.domain.reviews import Check
from services.intake.domain.waiting import Waiting
from services.intake.storage import Proof


class Day(BaseModel):
    """One day of a period: whether it counts, as which, and why."""

    on: date
    reason: str
    number: int | None
    provisional: bool


class Period(BaseModel):
    """A clock with its explanation: every last day can be asked why (days used until today, days left)."""

    kind: str
    department: str | None = None
    starts_on: date
    limit_wd: int
    due_on: date
    provisional: bool
    calendar: list[str]
    used_wd: int
    left_wd: int
    overdue: bool
    days: list[Day]


class Lane(BaseModel):
    """One department's part as the applicant sees it."""

    department: str
    role: str
    after: list[str]
    released: bool
    released_at: datetime | None
    outcome: str | None
    reasons: list[Reason]
    conditions: list[str]
    given_at: datetime | None
    clock: Clock | None
    used_wd: int | None
    left_wd: int | None
    overdue: bool
    card: str | None
    document_sha256: str | None


class Paper(BaseModel):
    """A signed paper of the case and, once it is in the public log, its proof."""

    kind: str
    sha256: str
    department: str | None
    issued_at: datetime
    proof: Proof | None


class Moment(BaseModel):
    """One line of what happened."""

    at: datetime
    kind: str
    department: str | None
    detail: dict[str, Any]


class CaseLine(BaseModel):
    """A case in a list."""

    case_id: str
    application_no: str
    item_code: str
    item_version: int
    item_name: LocalText
    state: str
    channel: str
    received_at: datetime
    due_on: date | None
    missing: int
    waits_for: list[Waiting]


class CaseView(CaseLine):
    """The whole case. ``due`` explains every running or ended period."""

    applicant: Applicant
    mode: str | None
    lead: str
    decision_by: str
    hearing: str
    facts: dict[str, Any]
    materials: list[Material]
    noted: list[Defect]
    correction: Correction | None
    declined: Declined | None
    accepted_at: datetime | None
    due: list[Period]
    lanes: list[Lane]
    checks: list[Check]
    decision: Decision | None
    fee_state: str
    charge: Charge | None
    issued: Issued | None
    remedies: list[dict[str, Any]]
    delivery: Delivered | None
    withdrawal: Withdrawal | None
    documents: list[Paper]
    timeline: list[Moment]
    business_now: datetime
