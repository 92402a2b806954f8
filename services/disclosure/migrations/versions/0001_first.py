"""The first tables of disclosure: what is published, and the log, both append-only."""

from libs.migration import backbone_tables, create_append_only, create_records
from services.disclosure.storage import CHECKPOINTS, LATEST, LEAF_SALTS, LEAVES, LOG, LOG_NODES, PUBLICATIONS

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create everything with its rights, line by line."""
    backbone_tables()
    create_records(LOG, LATEST)
    create_append_only(PUBLICATIONS, LEAVES, LEAF_SALTS, LOG_NODES, CHECKPOINTS)
