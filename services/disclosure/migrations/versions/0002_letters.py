"""Who heard a letter again: one table that old code neither reads nor writes.

Revision ID: 0002
"""

from __future__ import annotations

from libs.migration import letter_tables

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create it beside the letters."""
    letter_tables()


def downgrade() -> None:
    """What a person did is never forgotten."""
    raise NotImplementedError("replays stay")
