"""The first tables: what fee remembers of cases, and the treasury's books with their laws.

Revision ID: fee_0001
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

from libs.migration import (
    backbone_tables,
    create_append_only,
    create_records,
    create_sequence,
    forbid_change,
    grant,
)
from services.fee import storage

revision = "fee_0001"
down_revision = None
branch_labels = None
depends_on = None

LEDGER_SQL = Path(__file__).parent.parent / "ledger.sql"


def upgrade() -> None:
    """Create everything."""
    backbone_tables()
    create_records(storage.CASES, storage.ITEMS, storage.TARIFFS)
    connection = op.get_bind()
    # Accounts open with a tariff's publication (trigger open_accounts) and in no other way: no INSERT.
    storage.ACCOUNTS.create(connection)
    grant("accounts", "SELECT")
    forbid_change("accounts")
    create_append_only(*storage.GROWING)
    create_sequence("bill_numbers")
    for statement in LEDGER_SQL.read_text(encoding="utf-8").split("\n\n"):
        connection.exec_driver_sql(statement)


def downgrade() -> None:
    """The books are never torn down."""
    raise NotImplementedError("what was booked stays booked")
