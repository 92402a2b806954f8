"""A capability: intake's own signed, short-lived leave to fetch exactly these files of this case.

It is sent to one department with its task, names the case, the department and the hashes, and ends after a
day of real time. Whoever holds it reads those files and nothing else.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

ALGORITHM = "Ed25519"
AUDIENCE = "onewindow materials"
LONGEST = 16_384
_SHA256 = re.compile(r"[0-9a-f]{64}")


def grant_reading(key: OKPKey, case_id: str, department: str, hashes: Iterable[str], *, lease_s: int) -> str:
    """The token for ``department``; it names the hashes, so that it opens nothing that is attached later."""
    claims = {
        "aud": AUDIENCE,
        "sub": department,
        "case": case_id,
        "sha256": sorted(set(hashes)),
        "exp": int(time.time()) + lease_s,
    }
    return jwt.encode({"alg": ALGORITHM}, claims, key, algorithms=[ALGORITHM])


def may_read(key: OKPKey, token: str, sha256: str) -> bool:
    """Whether the token is ours, still runs and names this file."""
    if len(token) > LONGEST or not _SHA256.fullmatch(sha256):
        return False
    try:
        claims = jwt.decode(token, key, algorithms=[ALGORITHM]).claims
        registry = jwt.JWTClaimsRegistry(exp={"essential": True}, aud={"essential": True, "value": AUDIENCE})
        registry.validate(claims)
    except (JoseError, ValueError):
        return False
    named = claims.get("sha256")
    return isinstance(named, list) and sha256 in named
