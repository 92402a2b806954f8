"""What is kept in JSON is kept as the text it came as: cheaper to write, and nearly always read as a whole.

Revision ID: intake_0005
"""

from __future__ import annotations

from libs.migration import keep_as_text

revision = "intake_0005"
down_revision = "intake_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the columns that older versions made as jsonb."""
    for table in ("cases", "reviews", "checks", "calendars", "items", "rules", "proofs"):
        keep_as_text(table, "body")
    keep_as_text("documents", "document")
    keep_as_text("timeline", "detail")


def downgrade() -> None:
    """Older code reads and writes these columns as they are."""
    raise NotImplementedError("texts stay")
