"""What the broker has not confirmed lies in a table of its own; the outbox only grows.

Revision ID: review_0003
"""

from __future__ import annotations

from libs.migration import outbox_that_only_grows

revision = "review_0003"
down_revision = "review_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Move the marks out of the outbox."""
    outbox_that_only_grows()


def downgrade() -> None:
    """Who would write into the outbox again would have to be stopped first."""
    raise NotImplementedError("the outbox only grows")
