"""Knows what the public log says about each act: an allow-list per kind of record. Pure.

A leaf is the RFC 8785 text of a small object. No personal data: a field that is not named here is not
published, whatever an event may carry (AL 5(2), 40; Open Government Information Regulations 15, 20). A
refusal is nameless: no application number, no hash to find the file by, only a salted commitment.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from libs.signatures import canonical

LEAF_VERSION = 1
LARGEST_LEAF_BYTES = 65_535  # what fits the two-byte length of a C2SP log entry
SALT_BYTES = 32
CHINA = ZoneInfo("Asia/Shanghai")
RecordKind = Literal["calendar", "tariff", "service_item", "rule", "voucher", "decision", "bill"]
RECORD_KINDS: tuple[RecordKind, ...] = (
    "calendar",
    "tariff",
    "service_item",
    "rule",
    "voucher",
    "decision",
    "bill",
)


class LeafTooLarge(Exception):
    """A publication that no log entry can hold."""

    code = "leaf_too_large"


@dataclass(frozen=True, slots=True)
class Leaf:
    """One entry of the log: its exact text, what finds it, and its document (if it may be named)."""

    record_kind: RecordKind
    text: str
    words: str
    item_code: str | None = None
    document_sha256: str | None = None


def legal_day(moment: datetime) -> str:
    """The legal day of an instant, as ISO text, in Asia/Shanghai."""
    return moment.astimezone(CHINA).date().isoformat()


def publication_leaf(kind: RecordKind, content: dict[str, Any], words: str) -> Leaf:
    """A publication is public as a whole."""
    code = content.get("item_code")
    return _leaf(kind, {"publication": content}, words, item_code=code if kind == "service_item" else None)


def voucher_leaf(
    voucher: Literal["received", "accepted", "declined"],
    *,
    application_no: str,
    item_code: str,
    item_version: int,
    at: str,
    document_sha256: str,
) -> Leaf:
    """A voucher of the window (AL 32(2)): who holds the paper finds it here."""
    content = {
        "voucher": voucher,
        "application_no": application_no,
        "item_code": item_code,
        "item_version": item_version,
        "at": at,
        "document_sha256": document_sha256,
    }
    words = f"{application_no} {item_code} {voucher}"
    return _leaf("voucher", content, words, item_code=item_code, document_sha256=document_sha256)


def granted_leaf(
    *,
    application_no: str,
    item_code: str,
    item_version: int,
    department: str | None,
    decided_at: str,
    document_sha256: str,
) -> Leaf:
    """A grant is public (AL 40). ``department`` is None when unanimous consent decided."""
    content = {
        "decision": "granted",
        "how": "by_lead" if department else "unanimous",
        "application_no": application_no,
        "item_code": item_code,
        "item_version": item_version,
        "department": department,
        "decided_at": decided_at,
        "document_sha256": document_sha256,
    }
    words = f"{application_no} {item_code} {department or ''} granted"
    return _leaf("decision", content, words, item_code=item_code, document_sha256=document_sha256)


def refused_leaf(
    *,
    item_code: str,
    item_version: int,
    department: str | None,
    condition_codes: Iterable[str],
    decided_on: str,
    commitment: str,
) -> Leaf:
    """A refusal is counted and reasoned in public, and nobody can be recognised by it."""
    content = {
        "decision": "refused",
        "item_code": item_code,
        "item_version": item_version,
        "department": department,
        "conditions_not_met": sorted(set(condition_codes)),
        "decided_on": decided_on,
        "document_commitment": commitment,
    }
    return _leaf("decision", content, f"{item_code} {department or ''} refused", item_code=item_code)


def bill_leaf(
    *, bill_no: str, tariff_code: str, tariff_version: int, total_fen: int, at: str, document_sha256: str
) -> Leaf:
    """A bill by a published tariff (AL 59), without the case it belongs to."""
    content = {
        "bill_no": bill_no,
        "tariff_code": tariff_code,
        "tariff_version": tariff_version,
        "total_fen": total_fen,
        "at": at,
        "document_sha256": document_sha256,
    }
    return _leaf("bill", content, f"{bill_no} {tariff_code}", document_sha256=document_sha256)


def commitment(salt: bytes, document_sha256: str) -> str:
    """SHA-256 over the salt and the document's hash: says nothing until both are shown, and binds to both."""
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes")
    return hashlib.sha256(salt + bytes.fromhex(document_sha256)).hexdigest()


def _leaf(
    kind: RecordKind,
    content: dict[str, Any],
    words: str,
    *,
    item_code: str | None = None,
    document_sha256: str | None = None,
) -> Leaf:
    text = canonical({"v": LEAF_VERSION, "record_kind": kind, **content})
    size = len(text.encode())
    if size > LARGEST_LEAF_BYTES:
        raise LeafTooLarge(f"{kind}: {size} bytes")
    return Leaf(kind, text, " ".join(words.lower().split()), item_code, document_sha256)
