"""Signs the window's papers and keeps them, with everything others have signed about a case."""

from __future__ import annotations

from typing import Any, Literal

from libs.signatures import SignedDocument, document_sha256
from libs.work import Work
from services.intake.storage import DOCUMENTS, TIMELINE

PaperKind = Literal[
    "receipt", "notice", "acceptance", "decline", "opinion", "decision", "permit", "refusal", "bill"
]  # fmt: skip


def sign(
    work: Work, kind: Literal["voucher", "notice", "decision", "permit", "refusal"], text: dict[str, Any]
) -> SignedDocument:
    """The paper as it is handed out, signed with intake's key."""
    return work.signer.sign(kind, text)


def keep(
    work: Work, case_id: str, kind: PaperKind, document: SignedDocument, department: str | None = None
) -> str:
    """Keep the signed paper under its hash, which is returned."""
    sha256 = document_sha256(document)
    work.add(
        DOCUMENTS,
        case_id=case_id,
        kind=kind,
        sha256=sha256,
        department=department,
        issued_at=work.now,
        document=document.model_dump(mode="json"),
    )
    return sha256


def note(
    work: Work,
    case_id: str,
    kind: str,
    *,
    department: str | None = None,
    actor: str | None = None,
    **detail: Any,
) -> None:
    """Add one line to the case's time line; ``actor`` (the login of who did it) never leaves this
    database."""
    work.add(
        TIMELINE, case_id=case_id, at=work.now, kind=kind, department=department, actor=actor, detail=detail
    )
