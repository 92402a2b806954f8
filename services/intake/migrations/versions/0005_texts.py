"""What is kept in JSON is kept as the text it came as: cheaper to write, and nearly always read as a whole.

What is counted over all cases, and the item's edition, by which cases are searched, are columns now. An intake from
before this cannot ask whose turn it is any more: its processes are stopped first.

Revision ID: intake_0005
"""

from __future__ import annotations

from alembic import op

from libs.migration import keep_as_text

revision = "intake_0005"
down_revision = "intake_0004"
branch_labels = None
depends_on = None

_KNOWN_SO_FAR = """
UPDATE cases SET edition = body->>'item_version', mode = body->'acceptance'->>'mode',
  noticed = coalesce(json_typeof(body->'correction') = 'object', false),
  promise_kept = CAST(CAST(body->'decision'->>'decided_at' AS timestamptz) AT TIME ZONE 'Asia/Shanghai' AS date)
    <= CAST(body->'acceptance'->'promised'->>'due_on' AS date)
"""


def upgrade() -> None:
    """Change the columns that older versions made as jsonb."""
    for table in ("cases", "reviews", "checks", "calendars", "items", "rules", "proofs"):
        keep_as_text(table, "body")
    keep_as_text("documents", "document")
    keep_as_text("timeline", "detail")
    for column, kind in (
        ("edition", "text"),
        ("mode", "text"),
        ("noticed", "boolean"),
        ("promise_kept", "boolean"),
    ):
        op.execute(f"ALTER TABLE cases ADD COLUMN IF NOT EXISTS {column} {kind}")
    op.execute(_KNOWN_SO_FAR)


def downgrade() -> None:
    """Older code reads and writes these columns as they are."""
    raise NotImplementedError("texts stay")
