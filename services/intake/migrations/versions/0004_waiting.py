"""Whose turn has not come, found without reading a case's other reviews: one index that old code keeps as well.

Revision ID: intake_0004
"""

from __future__ import annotations

from alembic import op

revision = "intake_0004"
down_revision = "intake_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index; hardly a review is in it, and none for long."""
    op.execute("CREATE INDEX IF NOT EXISTS reviews_waiting ON reviews (case_id) WHERE NOT released")


def downgrade() -> None:
    """Nobody needs to be without it."""
    raise NotImplementedError("an index stays")
