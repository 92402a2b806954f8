"""The clock's queries: what the law moves next, and which cases could move without anybody."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

SILENT = sa.text("SELECT case_id FROM cases WHERE acts_at <= :now ORDER BY acts_at, case_id LIMIT :limit")
_NEXT = sa.text("SELECT min(acts_at) FROM cases WHERE acts_at IS NOT NULL")

# Cases whose stored rows let them move: nobody's opinion is missing that could come, or a result waits to be
# issued. Such a case should have moved already; this finds it if anything ever kept it.
CAN_MOVE = """
    (c.state = 'accepted' AND (
             EXISTS (SELECT 1 FROM reviews r WHERE r.case_id = c.case_id AND NOT r.released
                     AND NOT EXISTS (SELECT 1 FROM reviews p WHERE p.case_id = c.case_id AND p.outcome IS NULL
                                     AND (r.body->'after')::jsonb ? p.department))
             OR (c.hearing = 'none'
                 AND NOT EXISTS (SELECT 1 FROM reviews r WHERE r.case_id = c.case_id AND r.outcome IS NULL))))
       OR (c.state = 'granted' AND c.fee_state IN ('none', 'settled'))
       OR c.state = 'refused'
"""
MOVABLE = sa.text(f"SELECT c.case_id FROM cases c WHERE {CAN_MOVE} ORDER BY c.case_id LIMIT :limit")
# For cases in review, without loading a review: whether any opinion is missing, and whose turn has come. What is
# given in this transaction and not stored yet is named beside each case (departments, joined by commas).
STANDING = sa.text("""
SELECT n.case_id,
  NOT EXISTS (SELECT 1 FROM reviews r WHERE r.case_id = n.case_id AND r.outcome IS NULL
              AND NOT r.department = ANY(string_to_array(n.given, ','))) AS complete,
  ARRAY(SELECT r.department FROM reviews r WHERE r.case_id = n.case_id AND NOT r.released
        AND NOT EXISTS (
          SELECT 1 FROM json_array_elements_text(r.body->'after') AS a(department)
          JOIN reviews p ON p.case_id = r.case_id AND p.department = a.department
          WHERE p.outcome IS NULL AND NOT p.department = ANY(string_to_array(n.given, ',')))
        ORDER BY r.department) AS releasable
FROM unnest(CAST(:cases AS text[]), CAST(:given AS text[])) AS n(case_id, given)
""")
PROVISIONAL = sa.text(
    "SELECT case_id FROM cases WHERE acts_at IS NOT NULL AND (body->'notice'->>'provisional' = 'true' "
    "OR body->'duty'->>'provisional' = 'true' OR body->'correction'->'respond'->>'provisional' = 'true')"
)


async def next_silence(reader: AsyncConnection) -> datetime | None:
    """The earliest business instant at which silence will have an effect."""
    found: datetime | None = (await reader.execute(_NEXT)).scalar_one()
    return found
