"""The first tables of supervision: case files, clocks, cards and findings, and what disclosure published."""

from libs.migration import backbone_tables, create_append_only, create_records, create_sequence
from services.supervision.storage import (
    CALENDARS,
    CARDS,
    CASE_FILES,
    CLOCKS,
    FINDINGS,
    ITEMS,
    LEAVES,
    RULES,
    TARIFFS,
)

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables with their rights; cards and findings can only be added to."""
    backbone_tables()
    create_records(CASE_FILES, CLOCKS, CALENDARS, ITEMS, TARIFFS, RULES, LEAVES)
    create_append_only(CARDS, FINDINGS)
    create_sequence("card_numbers")
    create_sequence("finding_numbers")
