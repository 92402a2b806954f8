"""The first tables of supervision: case files, clocks, cards and findings, and what disclosure published."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from libs.migration import backbone_tables, create_append_only, create_records, create_sequence, grant
from services.supervision.storage import (
    CALENDARS,
    CARDS,
    FINDINGS,
    ITEMS,
    LEAVES,
    RULES,
    TARIFFS,
)

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


_AT = sa.TIMESTAMP(timezone=True)
# As they were then: version 0004 has other ones in their place.
_CASE_FILES = {
    "application_no": sa.Text, "item_code": sa.Text, "state": sa.Text, "counted_with": sa.Text, "look_at": _AT,
}  # fmt: skip
_CLOCKS = {
    "case_id": sa.Text, "application_no": sa.Text, "item_code": sa.Text, "kind": sa.Text, "agency": sa.Text,
    "due_on": sa.Date, "yellow_at": _AT, "red_at": _AT, "started_at": _AT, "stopped_at": _AT, "in_time": sa.Boolean,
}  # fmt: skip


def _create_bodies(name: str, key: str, columns: dict[str, Any]) -> None:
    op.create_table(
        name,
        sa.Column(key, sa.Text, primary_key=True),
        *(sa.Column(column, kind) for column, kind in columns.items()),
        sa.Column("body", postgresql.JSONB, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("changed_at", _AT, nullable=False, server_default=sa.func.now()),
    )
    grant(name, "SELECT, INSERT, UPDATE")


def upgrade() -> None:
    """Create the tables with their rights; cards and findings can only be added to."""
    backbone_tables()
    _create_bodies("case_files", "case_id", _CASE_FILES)
    _create_bodies("clocks", "clock_id", _CLOCKS)
    create_records(CALENDARS, ITEMS, TARIFFS, RULES, LEAVES)
    create_append_only(CARDS, FINDINGS)
    create_sequence("card_numbers")
    create_sequence("finding_numbers")
