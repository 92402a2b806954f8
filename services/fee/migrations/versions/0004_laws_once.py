"""Each law of the books is looked at once for a transaction or a bill, not once for each of its rows.

Revision ID: fee_0004
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "fee_0004"
down_revision = "fee_0003"
branch_labels = None
depends_on = None

LAWS_SQL = Path(__file__).parent.parent / "laws_once.sql"


def upgrade() -> None:
    """Put the functions in the place of those of ledger.sql; the triggers stay as they are."""
    for statement in LAWS_SQL.read_text(encoding="utf-8").split("\n\n"):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """They refuse the same."""
    raise NotImplementedError("the laws stay")
