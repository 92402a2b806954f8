"""The tables of supervision."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from pydantic import BaseModel

from libs.records import Records, metadata
from services.supervision.domain.case_file import CaseFile
from services.supervision.domain.catalogue import Calendars, Items, Tariffs
from services.supervision.storage.clock_table import ClockRecord, ClockTable

__all__ = ["ClockRecord"]
METADATA = metadata()
_AT = sa.TIMESTAMP(timezone=True)


class RuleRecord(BaseModel, frozen=True):
    """A conduct or management rule as published."""

    rule_id: str
    kind: str
    title: dict[str, str]
    in_force_from: date


class LeafRecord(BaseModel, frozen=True):
    """A leaf of the public log and the event it makes public."""

    leaf_index: str
    leaf_hash: str
    record_kind: str
    of_source: str
    of_id: str


HAPPENINGS = sa.Table(
    "happenings",
    METADATA,
    sa.Column("case_id", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("at", _AT, nullable=False),
    sa.Column("department", sa.Text),
    sa.Column("traceparent", sa.Text),
    sa.Column("data", sa.Text, nullable=False),  # JSON; always read as a whole
)
CASE_FILES = Records(
    "cases",
    CaseFile,
    key=("case_id",),
    columns={
        "application_no": (sa.Text, lambda case: case.application_no),
        "item_code": (sa.Text, lambda case: case.item_code),
        "state": (sa.Text, lambda case: case.state),
        "counted_with": (sa.Text, lambda case: case.counted_with),
        "look_at": (_AT, lambda case: case.look_at),
    },
    metadata=METADATA,
)
CLOCKS = ClockTable(METADATA)
CALENDARS = Records("calendars", Calendars, key=("center",), metadata=METADATA, remembers=1, shared=True)
TARIFFS = Records("tariffs", Tariffs, key=("tariff_code",), metadata=METADATA, remembers=64, shared=True)
ITEMS = Records("items", Items, key=("item_code",), metadata=METADATA, remembers=256, shared=True)
RULES = Records("rules", RuleRecord, key=("rule_id",), metadata=METADATA)
LEAVES = Records(
    "leaves",
    LeafRecord,
    key=("leaf_index",),
    columns={"of_id": (sa.Text, lambda leaf: leaf.of_id)},
    metadata=METADATA,
)
CARDS = sa.Table(
    "cards",
    METADATA,
    sa.Column("card_no", sa.Text, primary_key=True),
    sa.Column("case_id", sa.Text, nullable=False, index=True),
    sa.Column("application_no", sa.Text, nullable=False),
    sa.Column("item_code", sa.Text, nullable=False),
    sa.Column("clock_id", sa.Text, nullable=False),
    sa.Column("clock_kind", sa.Text, nullable=False),
    sa.Column("agency", sa.Text, nullable=False, index=True),
    sa.Column("colour", sa.Text, nullable=False),
    sa.Column("crossed_at", _AT, nullable=False),
    sa.Column("due_on", sa.Date, nullable=False),
    sa.Column("used_wd", sa.Integer, nullable=False),
    sa.Column("limit_wd", sa.Integer, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("issued_at", _AT, nullable=False),
    sa.CheckConstraint("colour IN ('yellow', 'red')", name="cards_colour"),
    sa.UniqueConstraint("clock_id", "colour", name="cards_once_per_clock_and_colour"),
)
FINDINGS = sa.Table(
    "findings",
    METADATA,
    sa.Column("finding_no", sa.Text, primary_key=True),
    sa.Column("case_id", sa.Text, nullable=False, index=True),
    sa.Column("application_no", sa.Text),
    sa.Column("item_code", sa.Text),
    sa.Column("rule", sa.Text, nullable=False, index=True),
    sa.Column("expected", sa.Text, nullable=False),
    sa.Column("found", sa.Text, nullable=False),
    sa.Column("about_source", sa.Text, nullable=False),
    sa.Column("about_id", sa.Text, nullable=False),
    sa.Column("about_type", sa.Text, nullable=False),
    sa.Column("issued_at", _AT, nullable=False),
    sa.UniqueConstraint("rule", "about_source", "about_id", "expected", name="findings_once"),
)
