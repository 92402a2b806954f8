"""Knows the books: which two entries each act of a bill makes. Entries of a transaction always sum to zero.

Accounts exist per treasury subject code and in three kinds only; there is no account a department could own.
A positive entry is a debit. `treasury` receives in payments and in nothing else (AL 59).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

AccountKind = Literal["receivable", "revenue", "treasury"]
TransactionKind = Literal["charge", "payment", "cancellation"]

ACCOUNT_KINDS: tuple[AccountKind, ...] = ("receivable", "revenue", "treasury")

# kind of transaction -> (account that gains, account that gives)
_MOVES: dict[TransactionKind, tuple[AccountKind, AccountKind]] = {
    "charge": ("receivable", "revenue"),
    "payment": ("treasury", "receivable"),
    "cancellation": ("revenue", "receivable"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One side of a transaction: ``amount_fen`` is positive for what the account gains."""

    account_no: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Transaction:
    """One movement of the books, caused by one bill."""

    transaction_no: str
    kind: TransactionKind
    bill_no: str
    entries: tuple[Entry, Entry]


def account_no(kind: AccountKind, subject_code: str) -> str:
    """The account of this kind for a treasury subject code."""
    return f"{kind}/{subject_code}"


def transaction(kind: TransactionKind, bill_no: str, subject_code: str, amount_fen: int) -> Transaction:
    """The balanced transaction of one act; a bill can have one of each kind, so its number is fixed."""
    if amount_fen <= 0:
        raise ValueError("the books record amounts above zero")
    gains, gives = _MOVES[kind]
    entries = (
        Entry(account_no(gains, subject_code), amount_fen),
        Entry(account_no(gives, subject_code), -amount_fen),
    )
    return Transaction(f"{bill_no}/{kind}", kind, bill_no, entries)
