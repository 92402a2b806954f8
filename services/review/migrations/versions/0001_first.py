"""The first tables of one department: publications kept, tasks, materials wanted and their files.

Revision ID: review_0001
"""

from __future__ import annotations

from alembic import op

from libs.migration import backbone_tables, create_append_only, create_records, grant
from services.review import storage

revision = "review_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create everything."""
    backbone_tables()
    create_records(storage.TASKS, storage.ITEMS, storage.CALENDARS, storage.MATERIALS)
    create_append_only(storage.FILES)
    storage.ATTEMPTS.create(op.get_bind())
    grant("material_attempts", "SELECT, INSERT, UPDATE (attempts, last_error, next_try_at)")


def downgrade() -> None:
    """Signed opinions and decisions are never torn down."""
    raise NotImplementedError("what was signed stays")
