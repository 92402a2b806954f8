"""A capability: intake's own sealed, short-lived leave to fetch exactly these files of this case.

It is sent to one department with its task, names the case, the department and the hashes, and ends after a
day of real time. Whoever holds it reads those files and nothing else. Only intake ever reads it again, so it is
sealed (HMAC) with a secret derived from intake's private key rather than signed for the world.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from pydantic_core import to_json

from services.intake.settings import CapabilityKey

ALGORITHM = "Ed25519"
AUDIENCE = "onewindow materials"
LONGEST = 16_384
_SHA256 = re.compile(r"[0-9a-f]{64}")


def grant_reading(
    key: CapabilityKey, case_id: str, department: str, hashes: Iterable[str], *, lease_s: int
) -> str:
    """The token for ``department``; it names the hashes, so that it opens nothing that is attached later."""
    claims = {
        "aud": AUDIENCE,
        "sub": department,
        "case": case_id,
        "sha256": sorted(set(hashes)),
        "exp": int(time.time()) + lease_s,
    }
    text = _to_text(to_json(claims))
    return f"{text}.{_seal(key, text)}"


def _seal(key: CapabilityKey, text: str) -> str:
    seal = _begun(key.secret).copy()
    seal.update(text.encode("utf-8", "replace"))
    return _to_text(seal.digest())


@lru_cache(maxsize=4)
def _begun(secret: bytes) -> hmac.HMAC:
    """Made once: a copy of it costs less than beginning anew for every department of every case."""
    return hmac.new(secret, digestmod="sha256")


def _to_text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def may_read(key: CapabilityKey, token: str, sha256: str) -> bool:
    """Whether the token is ours, still runs and names this file."""
    if len(token) > LONGEST or not _SHA256.fullmatch(sha256):
        return False
    claims = _signed_before(key, token) if token.count(".") == 2 else _sealed(key, token)
    if claims is None or claims.get("aud") != AUDIENCE or not int(claims.get("exp", 0)) > time.time():
        return False
    named = claims.get("sha256")
    return isinstance(named, list) and sha256 in named


def _sealed(key: CapabilityKey, token: str) -> dict[str, Any] | None:
    text, _, seal = token.partition(".")
    if not hmac.compare_digest(_seal(key, text).encode(), seal.encode("utf-8", "replace")):
        return None
    try:
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError):
        return None
    return claims


def _signed_before(key: CapabilityKey, token: str) -> dict[str, Any] | None:
    """One that an older intake has signed (Ed25519 JWT); they live for a day."""
    try:
        return dict(jwt.decode(token, key.signed, algorithms=[ALGORITHM]).claims)
    except (JoseError, ValueError):
        return None
