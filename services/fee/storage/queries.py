"""Knows fee's named queries. What a bill's state is, the append-only tables say, not the case record."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from libs.records import Lookup
from services.fee.domain.assessment import Line
from services.fee.storage.tables import CASES

CASE_OF_BILL = Lookup(
    "case_of_bill", "SELECT bill_no, case_id FROM bills WHERE bill_no = ANY($1::text[])", CASES
)

BILL_OF_REFERENCE = sa.text(
    "SELECT bill_no FROM settlements WHERE channel = :channel AND channel_ref = :channel_ref"
)

_BILL = """
SELECT b.bill_no, b.case_id, b.application_no, b.item_code, b.item_version, b.tariff_code, b.tariff_version,
       b.accepted_on, b.subject_code, b.payee, b.currency, b.total_fen, b.assessed_at,
       CASE WHEN s.bill_no IS NOT NULL THEN 'paid' WHEN x.bill_no IS NOT NULL THEN 'cancelled'
            WHEN b.total_fen = 0 THEN 'nothing_to_pay' ELSE 'open' END AS state,
       s.received_at, s.channel, s.channel_ref, x.reason, x.cancelled_at, i.body -> 'name' AS item_name{more}
FROM bills b
JOIN cases c ON c.case_id = b.case_id
LEFT JOIN items i ON i.item_code = b.item_code AND i.item_version = b.item_version::text
LEFT JOIN settlements s ON s.bill_no = b.bill_no
LEFT JOIN cancellations x ON x.bill_no = b.bill_no
WHERE (CAST(:applicant_ref AS text) IS NULL OR c.applicant_ref = :applicant_ref)
"""

# Newest first; ``applicant_ref`` None means everybody's; ``before`` is the last bill_no of the page before.
BILLS_PAGE = sa.text(
    _BILL.format(more="")
    + "AND (CAST(:before AS text) IS NULL OR b.bill_no < :before) ORDER BY b.bill_no DESC LIMIT :limit"
)

BILL = sa.text(
    _BILL.format(
        more=", b.document, b.document_sha256, s.receipt, c.body -> 'proof' AS proof, t.body AS tariff"
    ).replace(
        "LEFT JOIN items",
        "JOIN tariff_versions t ON (t.tariff_code, t.version) "
        "= (b.tariff_code, b.tariff_version)\nLEFT JOIN items",
    )
    + "AND b.bill_no = :bill_no"
)

BILLS_BY_STATE = sa.text(
    "SELECT CASE WHEN s.bill_no IS NOT NULL THEN 'paid' WHEN x.bill_no IS NOT NULL THEN 'cancelled' "
    "WHEN b.total_fen = 0 THEN 'nothing_to_pay' ELSE 'open' END AS state, count(*) AS bills FROM bills b "
    "LEFT JOIN settlements s USING (bill_no) LEFT JOIN cancellations x USING (bill_no) GROUP BY 1"
)

FEES_BY_ITEM = sa.text(
    "SELECT b.item_code, sum(b.total_fen)::bigint AS assessed, coalesce(sum(s.amount_fen), 0)::bigint AS paid, "
    "coalesce(sum(b.total_fen) FILTER (WHERE x.bill_no IS NOT NULL), 0)::bigint AS cancelled FROM bills b "
    "LEFT JOIN settlements s USING (bill_no) LEFT JOIN cancellations x USING (bill_no) GROUP BY b.item_code"
)

LINES = sa.text(
    "SELECT charge_kind, quantity, rate::text AS rate, tier, tier_mode, amount_fen, formula "
    "FROM bill_lines WHERE bill_no = :bill_no ORDER BY line_no"
)

BALANCES = sa.text(
    "SELECT a.account_no, a.kind, a.subject_code, coalesce(sum(e.amount_fen), 0)::bigint AS balance_fen, "
    "count(e.amount_fen) AS entries FROM accounts a LEFT JOIN ledger_entries e USING (account_no) "
    "GROUP BY a.account_no ORDER BY a.subject_code, a.kind"
)

# Newest first; ``before`` is the last seq of the page before.
TRANSACTIONS_PAGE = sa.text(
    "SELECT t.seq, t.transaction_no, t.kind, t.bill_no, t.booked_at, t.booked_on, "
    "(SELECT json_agg(json_build_object('account_no', e.account_no, 'amount_fen', e.amount_fen) "
    "ORDER BY e.amount_fen DESC) FROM ledger_entries e WHERE e.transaction_no = t.transaction_no) AS entries "
    "FROM ledger_transactions t WHERE (CAST(:before AS bigint) IS NULL OR t.seq < :before) "
    "ORDER BY t.seq DESC LIMIT :limit"
)

# AL 59: per day and subject code, what was paid on bills and what the treasury account was credited.
DAYS = sa.text("""
SELECT coalesce(p.on_day, t.on_day) AS on_day, coalesce(p.subject_code, t.subject_code) AS subject_code,
       coalesce(p.bills, 0) AS bills, coalesce(p.fen, 0)::bigint AS paid_fen,
       coalesce(t.fen, 0)::bigint AS credited_fen
FROM (SELECT s.received_on AS on_day, b.subject_code, count(*) AS bills, sum(s.amount_fen) AS fen
      FROM settlements s JOIN bills b USING (bill_no) GROUP BY 1, 2) p
FULL JOIN (SELECT m.booked_on AS on_day, a.subject_code, sum(e.amount_fen) AS fen
      FROM ledger_entries e JOIN accounts a USING (account_no)
      JOIN ledger_transactions m USING (transaction_no)
      WHERE a.kind = 'treasury' GROUP BY 1, 2) t ON (p.on_day, p.subject_code) = (t.on_day, t.subject_code)
ORDER BY 1 DESC, 2 LIMIT :limit
""")


def line_columns(line: Line) -> dict[str, Any]:
    """A line of a bill as columns; the rate as a number the database can multiply with."""
    return {**line.model_dump(), "rate": Decimal(line.rate)}
