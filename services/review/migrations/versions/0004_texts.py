"""What is kept in JSON is kept as the text it came as: cheaper to write, and nearly always read as a whole.

What came of a task, which is counted over all of them, is a column now.

Revision ID: review_0004
"""

from __future__ import annotations

from alembic import op

from libs.migration import keep_as_text

revision = "review_0004"
down_revision = "review_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the columns that older versions made as jsonb."""
    for table in ("tasks", "items", "calendars", "materials"):
        keep_as_text(table, "body")
    op.execute("ALTER TABLE tasks ADD COLUMN IF NOT EXISTS outcome text")
    op.execute("UPDATE tasks SET outcome = body->'opinion'->>'outcome'")


def downgrade() -> None:
    """Older code reads and writes these columns as they are."""
    raise NotImplementedError("texts stay")
