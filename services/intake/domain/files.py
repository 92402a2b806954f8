"""Which files the window takes: PDF, PNG, JPEG, plain text; at most 5 MiB; what they claim to be is what
they are."""

from __future__ import annotations

from services.intake.domain.refusals import BadMaterial, MaterialTooLarge

MOST_BYTES = 5 * 1024 * 1024
_SIGNS = ((b"%PDF-", "application/pdf"), (b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"))
TAKEN = ("application/pdf", "image/png", "image/jpeg", "text/plain")


def sniffed_type(content: bytes, declared: str | None) -> str:
    """The media type the bytes really have; BadMaterial when it is none we take or not the declared one."""
    if not content:
        raise BadMaterial("the file is empty")
    if len(content) > MOST_BYTES:
        raise MaterialTooLarge(f"{len(content)} bytes")
    found = next((media for sign, media in _SIGNS if content.startswith(sign)), None) or _plain_text(content)
    if found is None:
        raise BadMaterial("these bytes are none of PDF, PNG, JPEG or UTF-8 text")
    claimed = (declared or "").split(";")[0].strip().lower()
    if claimed not in ("", "application/octet-stream", found):
        raise BadMaterial(f"sent as {claimed[:60]}, but it is {found}")
    return found


def _plain_text(content: bytes) -> str | None:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    written = all(character >= " " or character in "\t\r\n\f\ufeff" for character in text)
    return "text/plain" if written and "\x7f" not in text else None
