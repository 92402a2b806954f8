"""What happens lies in rows of its own, and clocks in columns; the files known so far are taken over.

`case_files` stays as it was, for whoever wants to look. An older supervision beside this one would judge by half of
what happened: it is told to wait, as if the database was away, holds what it was given and gives it back when it ends.

Revision ID: 0004
"""

from __future__ import annotations

from alembic import op

from libs.migration import create_append_only, create_records
from services.supervision.storage import CASE_FILES, HAPPENINGS

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_HAPPENINGS = """
INSERT INTO happenings (case_id, source, id, type, at, department, traceparent, data)
SELECT f.case_id, h->>'source', h->>'id', h->>'type', (h->>'at')::timestamptz, h->>'department', h->>'traceparent',
       (h->'data')::text
FROM case_files f CROSS JOIN LATERAL jsonb_array_elements(f.body->'happenings') AS h
ON CONFLICT DO NOTHING
"""
_CASES = """
INSERT INTO cases (case_id, application_no, item_code, state, counted_with, look_at, body, version)
SELECT case_id, application_no, item_code, state, counted_with, look_at,
       (body - 'happenings')
         || jsonb_build_object('heard', jsonb_array_length(body->'happenings'), 'projected', '{}'::jsonb),
       1
FROM case_files
"""
_CLOCKS = """
UPDATE clocks SET starts_on = (body->>'starts_on')::date, limit_wd = (body->>'limit_wd')::integer,
       provisional = (body->>'provisional')::boolean
"""
_OLDER_ONE_WAITS = """
CREATE FUNCTION older_one_waits() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
RAISE EXCEPTION 'this database is kept by a newer supervision' USING ERRCODE = '55P03';
END $$
"""


def upgrade() -> None:
    """Make the new tables, take over what is known, and keep the old writer out."""
    create_append_only(HAPPENINGS)
    create_records(CASE_FILES)
    op.execute("CREATE INDEX cases_look_at ON cases (look_at) WHERE look_at IS NOT NULL")
    op.execute(
        "ALTER TABLE clocks ADD COLUMN starts_on date, ADD COLUMN limit_wd integer, ADD COLUMN provisional boolean, "
        "ALTER COLUMN body DROP NOT NULL, ALTER COLUMN version DROP NOT NULL"
    )
    # A clock is written when it starts and again when it stops: room beside it spares the index the second time.
    op.execute("ALTER TABLE clocks SET (fillfactor = 60)")
    op.execute("ALTER TABLE cases SET (fillfactor = 60)")
    for statement in (_HAPPENINGS, _CASES, _CLOCKS, _OLDER_ONE_WAITS):
        op.execute(statement)
    op.execute(
        "CREATE TRIGGER case_files_are_left BEFORE INSERT OR UPDATE ON case_files "
        "FOR EACH STATEMENT EXECUTE FUNCTION older_one_waits()"
    )


def downgrade() -> None:
    """What was heard since lies in rows that the older tables have no place for."""
    raise NotImplementedError("happenings stay rows")
