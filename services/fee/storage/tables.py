"""Knows fee's tables; the laws between them stand in migrations/ledger.sql.

`cases`, `items` and `tariffs` are what fee remembers; everything that is money stands in append-only tables
whose constraints and triggers refuse an unlawful row whoever writes it.
"""

from __future__ import annotations

import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.dialects.postgresql import JSON, JSONB

from libs.records import Records, metadata
from services.fee.domain.cases import FeeCase
from services.fee.domain.tariffs import LocalText, Tariff

METADATA = metadata()
_AT = sa.TIMESTAMP(timezone=True)


class ItemVersion(BaseModel, frozen=True):
    """What fee keeps of a published item version: what is charged, when, and from which fields."""

    item_code: str
    item_version: str
    name: LocalText
    tariff_code: str | None = None
    timing: str | None = None
    inputs: dict[str, str] = {}


class TariffVersions(BaseModel, frozen=True):
    """All published versions of one tariff, oldest first."""

    tariff_code: str
    versions: tuple[Tariff, ...] = ()


CASES = Records(
    "cases",
    FeeCase,
    key=("case_id",),
    metadata=METADATA,
    remembers=4096,
    columns={
        "state": (sa.Text, lambda case: case.state),
        "applicant_ref": (sa.Text, lambda case: case.acceptance.applicant_ref if case.acceptance else None),
        "bill_no": (sa.Text, lambda case: case.bill.bill_no if case.bill else None),
    },
)
ITEMS = Records(
    "items", ItemVersion, key=("item_code", "item_version"), metadata=METADATA, remembers=256, shared=True
)
TARIFFS = Records(
    "tariffs", TariffVersions, key=("tariff_code",), metadata=METADATA, remembers=64, shared=True
)


def _later(column: str, target: str) -> sa.ForeignKeyConstraint:
    """A foreign key looked at when the transaction ends, which writes a bill and all that hangs on it."""
    return sa.ForeignKeyConstraint([column], [target], deferrable=True, initially="DEFERRED")


TARIFF_VERSIONS = sa.Table(
    "tariff_versions",
    METADATA,
    sa.Column("tariff_code", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("charge_kind", sa.Text, nullable=False),
    sa.Column("subject_code", sa.Text, nullable=False),
    sa.Column("payee", sa.Text, nullable=False),
    sa.Column("in_force_from", sa.Date, nullable=False),
    sa.Column("in_force_until", sa.Date),
    sa.Column("published_on", sa.Date, nullable=False),
    sa.Column("body", JSONB, nullable=False),
    sa.CheckConstraint("payee = 'treasury'", name="tariff_pays_the_treasury"),
    sa.CheckConstraint(
        """jsonb_path_exists(body, '$.basis[*] ? (@.rank == "law" || @.rank == "admin_regulation")')""",
        name="tariff_has_a_basis_in_law",
    ),
)
ACCOUNTS = sa.Table(
    "accounts",
    METADATA,
    sa.Column("account_no", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject_code", sa.Text, nullable=False),
    sa.CheckConstraint("kind IN ('receivable', 'revenue', 'treasury')", name="account_kind_is_known"),
    sa.CheckConstraint("account_no = kind || '/' || subject_code", name="account_belongs_to_no_department"),
)
BILLS = sa.Table(
    "bills",
    METADATA,
    sa.Column("bill_no", sa.Text, primary_key=True),
    sa.Column("case_id", sa.Text, nullable=False),
    sa.Column("application_no", sa.Text, nullable=False),
    sa.Column("item_code", sa.Text, nullable=False),
    sa.Column("item_version", sa.Integer, nullable=False),
    sa.Column("tariff_code", sa.Text, nullable=False),
    sa.Column("tariff_version", sa.Integer, nullable=False),
    sa.Column("accepted_on", sa.Date, nullable=False),
    sa.Column("subject_code", sa.Text, nullable=False),
    sa.Column("payee", sa.Text, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("total_fen", sa.BigInteger, nullable=False),
    sa.Column("line_count", sa.Integer, nullable=False),
    sa.Column("assessed_at", _AT, nullable=False),
    sa.Column("assessed_on", sa.Date, nullable=False),
    sa.Column("document", JSON, nullable=False),
    sa.Column("document_sha256", sa.Text, nullable=False, unique=True),
    sa.Column("event_id", sa.Text, nullable=False, unique=True),
    sa.Column("traceparent", sa.Text),
    sa.UniqueConstraint("case_id", "item_code", name="one_bill_per_case_and_item"),
    sa.ForeignKeyConstraint(
        ["tariff_code", "tariff_version"],
        ["tariff_versions.tariff_code", "tariff_versions.version"],
        name="bill_names_a_published_tariff",
        deferrable=True,
        initially="DEFERRED",
    ),
    sa.CheckConstraint("payee = 'treasury' AND currency = 'CNY'", name="bill_pays_the_treasury_in_yuan"),
    sa.CheckConstraint("total_fen BETWEEN 0 AND 1000000000000000", name="bill_total_is_not_negative"),
    sa.CheckConstraint("line_count >= 1", name="bill_has_lines"),
    sa.CheckConstraint(
        "((document ->> 'body')::jsonb ->> 'total_fen')::bigint IS NOT DISTINCT FROM total_fen "
        "AND (document ->> 'body')::jsonb ->> 'bill_no' IS NOT DISTINCT FROM bill_no "
        "AND document_sha256 = encode(sha256(convert_to(document ->> 'body', 'UTF8')), 'hex')",
        name="bill_says_what_was_signed",
    ),
)
BILL_LINES = sa.Table(
    "bill_lines",
    METADATA,
    sa.Column("bill_no", sa.Text, primary_key=True),
    sa.Column("line_no", sa.Integer, primary_key=True),
    sa.Column("charge_kind", sa.Text, nullable=False),
    sa.Column("quantity", JSONB, nullable=False),
    sa.Column("rate", sa.Numeric, nullable=False),
    sa.Column("tier", sa.Text),
    sa.Column("tier_mode", sa.Text, nullable=False),
    sa.Column("amount_fen", sa.BigInteger, nullable=False),
    sa.Column("formula", sa.Text, nullable=False),
    _later("bill_no", "bills.bill_no"),
    sa.CheckConstraint("amount_fen >= 0 AND rate >= 0 AND rate < 'Infinity'", name="line_is_not_negative"),
    sa.CheckConstraint("tier_mode IN ('flat', 'marginal')", name="line_tier_mode_is_known"),
)
TRANSACTIONS = sa.Table(
    "ledger_transactions",
    METADATA,
    sa.Column("transaction_no", sa.Text, primary_key=True),
    sa.Column("seq", sa.BigInteger, sa.Identity(always=True), unique=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("bill_no", sa.Text, nullable=False),
    sa.Column("entry_count", sa.Integer, nullable=False),
    sa.Column("booked_at", _AT, nullable=False),
    sa.Column("booked_on", sa.Date, nullable=False, index=True),
    _later("bill_no", "bills.bill_no"),
    sa.CheckConstraint("kind IN ('charge', 'payment', 'cancellation')", name="transaction_kind_is_known"),
    sa.CheckConstraint("transaction_no = bill_no || '/' || kind", name="one_transaction_of_a_kind_per_bill"),
    sa.CheckConstraint("entry_count = 2", name="transaction_has_two_entries"),
    sa.Index("paid_or_cancelled_once", "bill_no", unique=True, postgresql_where=sa.text("kind <> 'charge'")),
)
ENTRIES = sa.Table(
    "ledger_entries",
    METADATA,
    sa.Column("transaction_no", sa.Text, primary_key=True),
    sa.Column("account_no", sa.Text, primary_key=True),
    sa.Column("amount_fen", sa.BigInteger, nullable=False),
    _later("transaction_no", "ledger_transactions.transaction_no"),
    _later("account_no", "accounts.account_no"),
    sa.CheckConstraint("amount_fen <> 0", name="entry_moves_something"),
    sa.Index("entries_by_account", "account_no"),
)
SETTLEMENTS = sa.Table(
    "settlements",
    METADATA,
    sa.Column("bill_no", sa.Text, primary_key=True),
    sa.Column("amount_fen", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("channel_ref", sa.Text, nullable=False),
    sa.Column("paid_at", _AT, nullable=False),
    sa.Column("received_at", _AT, nullable=False),
    sa.Column("received_on", sa.Date, nullable=False, index=True),
    sa.Column("receipt", JSON, nullable=False),
    sa.Column(
        "transaction_no", sa.Text, sa.Computed("bill_no || '/payment'", persisted=True), nullable=False
    ),
    _later("bill_no", "bills.bill_no"),
    _later("transaction_no", "ledger_transactions.transaction_no"),
    sa.UniqueConstraint("channel", "channel_ref", name="one_settlement_per_channel_reference"),
    sa.CheckConstraint("amount_fen > 0 AND currency = 'CNY'", name="settlement_is_money_in_yuan"),
    sa.CheckConstraint(
        "((receipt ->> 'body')::jsonb ->> 'amount_fen')::bigint IS NOT DISTINCT FROM amount_fen "
        "AND (receipt ->> 'body')::jsonb ->> 'bill_no' IS NOT DISTINCT FROM bill_no",
        name="receipt_says_what_was_signed",
    ),
)
CANCELLATIONS = sa.Table(
    "cancellations",
    METADATA,
    sa.Column("bill_no", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("cancelled_at", _AT, nullable=False),
    sa.Column(
        "transaction_no", sa.Text, sa.Computed("bill_no || '/cancellation'", persisted=True), nullable=False
    ),
    _later("bill_no", "bills.bill_no"),
    _later("transaction_no", "ledger_transactions.transaction_no"),
    sa.CheckConstraint(
        "reason IN ('application_withdrawn', 'application_refused')", name="cancellation_has_a_reason"
    ),
)
GROWING = (TARIFF_VERSIONS, BILLS, BILL_LINES, TRANSACTIONS, ENTRIES, SETTLEMENTS, CANCELLATIONS)
