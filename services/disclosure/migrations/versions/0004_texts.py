"""What is kept in JSON is kept as the text it came as: cheaper to write, and nearly always read as a whole.

Revision ID: 0004
"""

from __future__ import annotations

from libs.migration import keep_as_text

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the columns that older versions made as jsonb."""
    for table in ("log_state", "latest_publications"):
        keep_as_text(table, "body")


def downgrade() -> None:
    """Older code reads and writes these columns as they are."""
    raise NotImplementedError("texts stay")
