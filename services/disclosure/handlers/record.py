"""Records the other services' acts in the public log, once the signed paper behind each is verified."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from libs.envelope import Event, instant
from libs.signatures import SignedDocument, document_sha256
from libs.work import Work
from services.disclosure.domain.leaves import (
    SALT_BYTES,
    bill_leaf,
    commitment,
    granted_leaf,
    legal_day,
    refused_leaf,
    voucher_leaf,
)
from services.disclosure.handlers.log import LOG_KEY, append_leaf
from services.disclosure.messages import AboutApplication, ChargeAssessed, DecisionMade
from services.disclosure.storage.queries import VERSION
from services.disclosure.storage.tables import LEAF_SALTS, LOG, LogState

Voucher = Literal["received", "accepted", "declined"]


class PaperDiffers(Exception):
    """The event says something else than the signed document it carries: set aside, not published."""

    code = "paper_differs"


def _verified(work: Work, paper: SignedDocument, issuer: str, kind: str, said: Mapping[str, Any]) -> str:
    """The paper's hash, once its signature holds and it contradicts nothing of what will be published."""
    content = work.keys.verify(paper, issuer=issuer, kind=kind)
    for name, value in said.items():
        if name in content and content[name] != value:
            raise PaperDiffers(f"{name}: the document says {content[name]!r}, the event {value!r}")
    return document_sha256(paper)


def _about(data: AboutApplication) -> dict[str, Any]:
    return {
        "application_no": data.application_no,
        "item_code": data.item_code,
        "item_version": data.item_version,
    }


async def record_voucher(
    work: Work, event: Event, data: AboutApplication, *, voucher: Voucher, paper: SignedDocument, at: datetime
) -> None:
    """One leaf for a voucher of the window (AL 32(2))."""
    about = _about(data)
    digest = _verified(work, paper, "intake", "voucher", {**about, "act": voucher})
    await append_leaf(work, voucher_leaf(voucher, **about, at=instant(at), document_sha256=digest), event)


async def record_decision(work: Work, event: Event, data: DecisionMade) -> None:
    """One leaf for a decision: a grant by its number (AL 40), a refusal without any name."""
    about = _about(data)
    issuer = f"review/{data.department}" if data.department else "intake"
    if event.source != issuer:
        raise PaperDiffers(f"{event.source} says the decision of {issuer}")
    said = {**about, "decision": data.decision}
    digest = _verified(work, data.decision_document, issuer, "decision", said)
    if data.decision == "granted":
        leaf = granted_leaf(
            **about, department=data.department, decided_at=instant(data.decided_at), document_sha256=digest
        )
        await append_leaf(work, leaf, event)
        return
    salt = secrets.token_bytes(SALT_BYTES)
    codes = await _published_conditions(work, data)
    leaf = refused_leaf(
        item_code=data.item_code,
        item_version=data.item_version,
        department=data.department,
        condition_codes=codes,
        decided_on=legal_day(data.decided_at),
        commitment=commitment(salt, digest),
    )
    index = (await work.get(LOG, LOG_KEY) or LogState()).size
    work.add(LEAF_SALTS, leaf_index=index, salt=salt.hex())
    await append_leaf(work, leaf, event)


async def _published_conditions(work: Work, data: DecisionMade) -> set[str]:
    """The cited conditions that the item publishes: nothing a department invents reaches the log."""
    rows = await work.rows(VERSION, kind="service_item", code=data.item_code, version=data.item_version)
    published = {entry["code"] for row in rows for entry in row.content["conditions"]}
    return {reason.condition for reason in data.reasons if reason.condition} & published


async def record_bill(work: Work, event: Event, data: ChargeAssessed) -> None:
    """One leaf for a bill by a published tariff (AL 59)."""
    said = data.model_dump(include={"bill_no", "tariff_code", "tariff_version", "total_fen"})
    digest = _verified(work, data.bill, "fee", "bill", said)
    leaf = bill_leaf(
        bill_no=data.bill_no,
        tariff_code=data.tariff_code,
        tariff_version=data.tariff_version,
        total_fen=data.total_fen,
        at=instant(data.assessed_at),
        document_sha256=digest,
    )
    await append_leaf(work, leaf, event)
