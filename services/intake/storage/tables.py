"""The tables of intake: who may change which is in the first migration."""

from __future__ import annotations

from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from libs.deadlines import Calendar, legal_day
from libs.records import Records, metadata
from services.intake.domain.items import Item, LocalText
from services.intake.domain.records import Case, Fact
from services.intake.domain.reviews import Check, Review

METADATA = metadata()
INSTANT = sa.TIMESTAMP(timezone=True)


class CalendarYear(Fact):
    """The newest published calendar of one year."""

    year: str
    published: dict[str, Any]

    def calendar(self) -> Calendar:
        """As libs.deadlines counts with it."""
        return Calendar.from_published(self.published)


class KeptItem(Fact):
    """One published version of an item; ``edition`` is its version as text."""

    item_code: str
    edition: str
    item: Item


class KeptRule(Fact):
    """A conduct or management rule, newest version."""

    rule_code: str
    rule_version: int
    kind: str
    title: LocalText
    in_force_from: date


class Proof(Fact):
    """A leaf of the public log about something of ours, with its inclusion proof."""

    event_source: str
    event_id: str
    subject: str
    record_kind: str
    leaf_index: int
    leaf_hash: str
    document_sha256: str | None
    tree_size: int
    checkpoint: str
    proof: tuple[str, ...]


def next_day_due(case: Case) -> date | None:
    """The last day of whatever the case waits for next, by which lists are sorted."""
    if case.state == "received":
        return case.notice.due_on
    if case.state == "correction_requested" and case.correction:
        return case.correction.respond.due_on
    if case.state == "corrected" and case.duty:
        return case.duty.due_on
    if case.state in ("accepted", "decision_due", "granted", "refused") and case.acceptance:
        return case.acceptance.promised.due_on
    return case.issued.delivery.due_on if case.state == "issued" and case.issued else None


def promise_kept(case: Case) -> bool | None:
    """Whether it was decided by the promised day; None while it is not decided."""
    if case.decision is None or case.acceptance is None:
        return None
    return legal_day(case.decision.decided_at) <= case.acceptance.promised.due_on


CASES = Records(
    "cases",
    Case,
    key=("case_id",),
    metadata=METADATA,
    remembers=4096,
    columns={
        "application_no": (sa.Text, lambda case: case.application_no),
        "permit_no": (sa.Text, lambda case: case.issued.permit_no if case.issued else None),
        "item_code": (sa.Text, lambda case: case.item_code),
        "edition": (sa.Text, lambda case: str(case.item_version)),
        "state": (sa.Text, lambda case: case.state),
        "owner": (sa.Text, lambda case: case.owner),
        "filed_by": (sa.Text, lambda case: case.filed_by),
        "hearing": (sa.Text, lambda case: case.hearing),
        "fee_state": (sa.Text, lambda case: case.fee_state),
        "received_at": (INSTANT, lambda case: case.received_at),
        "acts_at": (INSTANT, lambda case: case.acts_at),
        "due_on": (sa.Date, next_day_due),
        "mode": (sa.Text, lambda case: case.acceptance.mode if case.acceptance else None),
        "noticed": (sa.Boolean, lambda case: case.correction is not None),
        "promise_kept": (sa.Boolean, promise_kept),
    },
)
REVIEWS = Records(
    "reviews",
    Review,
    key=("case_id", "department"),
    metadata=METADATA,
    remembers=8192,
    columns={
        "released": (sa.Boolean, lambda review: review.is_released),
        "outcome": (sa.Text, lambda review: review.outcome),
        "due_on": (sa.Date, lambda review: review.clock.due_on if review.clock else None),
    },
)
CHECKS = Records("checks", Check, key=("case_id", "department"), metadata=METADATA)
CALENDARS = Records("calendars", CalendarYear, key=("year",), metadata=METADATA, remembers=64, shared=True)
ITEMS = Records(
    "items",
    KeptItem,
    key=("item_code", "edition"),
    metadata=METADATA,
    remembers=256,
    shared=True,
    columns={
        "edition_no": (sa.Integer, lambda kept: kept.item.version),
        "in_force_from": (sa.Date, lambda kept: kept.item.in_force_from),
    },
)
RULES = Records("rules", KeptRule, key=("rule_code",), metadata=METADATA)
PROOFS = Records(
    "proofs",
    Proof,
    key=("event_source", "event_id"),
    metadata=METADATA,
    columns={
        "subject": (sa.Text, lambda proof: proof.subject),
        "document_sha256": (sa.Text, lambda proof: proof.document_sha256),
    },
)
MATERIALS = sa.Table(
    "materials",
    METADATA,
    sa.Column("sha256", sa.Text, primary_key=True),
    sa.Column("uploaded_by", sa.Text, primary_key=True),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("uploaded_at", INSTANT, nullable=False),
)
DOCUMENTS = sa.Table(
    "documents",
    METADATA,
    sa.Column("case_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("sha256", sa.Text, primary_key=True),
    sa.Column("department", sa.Text),
    sa.Column("issued_at", INSTANT, nullable=False),
    sa.Column("document", postgresql.JSON, nullable=False),
)
TIMELINE = sa.Table(
    "timeline",
    METADATA,
    sa.Column("seq", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("case_id", sa.Text, nullable=False, index=True),
    sa.Column("at", INSTANT, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("department", sa.Text),
    sa.Column("actor", sa.Text),
    sa.Column("detail", postgresql.JSON, nullable=False),
)
