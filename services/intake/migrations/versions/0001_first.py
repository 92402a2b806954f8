"""The first tables of intake, with every right on them written down."""

from __future__ import annotations

from alembic import op

from libs.migration import backbone_tables, create_append_only, create_records, create_sequence
from services.intake.storage import (
    CALENDARS,
    CASES,
    CHECKS,
    DOCUMENTS,
    ITEMS,
    MATERIALS,
    PROOFS,
    REVIEWS,
    RULES,
    TIMELINE,
)

revision = "intake_0001"
down_revision = None


def upgrade() -> None:
    """Create everything; nothing is ever dropped, so there is no way back."""
    backbone_tables()
    create_records(CASES, REVIEWS, CHECKS, CALENDARS, ITEMS, RULES, PROOFS)
    create_append_only(MATERIALS, DOCUMENTS, TIMELINE)
    create_sequence("application_numbers")
    create_sequence("permit_numbers")
    op.execute("CREATE UNIQUE INDEX cases_application_no ON cases (application_no)")
    op.execute("CREATE UNIQUE INDEX cases_permit_no ON cases (permit_no)")
    op.execute("CREATE INDEX cases_owner ON cases (owner, received_at DESC)")
    op.execute("CREATE INDEX cases_filed_by ON cases (filed_by, received_at DESC)")
    op.execute("CREATE INDEX cases_state ON cases (state, due_on)")
    op.execute("CREATE INDEX cases_acts_at ON cases (acts_at) WHERE acts_at IS NOT NULL")
    op.execute("CREATE INDEX reviews_open ON reviews (case_id) WHERE outcome IS NULL")
    op.execute("CREATE INDEX proofs_subject ON proofs (subject)")
    op.execute("CREATE INDEX proofs_document ON proofs (document_sha256)")
    # A signed paper is what its hash says; an issued permit has its number. The database holds both by
    # itself.
    op.execute(
        "ALTER TABLE documents ADD CHECK "
        "(sha256 = encode(sha256(convert_to(document->>'body', 'UTF8')), 'hex'))"
    )
    op.execute(
        "ALTER TABLE materials ADD CHECK (sha256 = encode(sha256(content), 'hex') AND size = length(content))"
    )
    op.execute("ALTER TABLE materials ADD CHECK (size BETWEEN 1 AND 5242880)")
    op.execute(
        "ALTER TABLE cases ADD CHECK (state IN ('received','correction_requested','corrected','accepted',"
        "'decision_due','granted','refused','issued','delivered','declined','withdrawn'))"
    )
