"""Knows how a login becomes the opaque reference by which the wire, the papers and the public log name a person."""

from __future__ import annotations

import hashlib
import hmac


def applicant_ref(secret: str, sub: str) -> str:
    """The reference of the person who logs in as ``sub``: the same in every service that holds the center's secret.

    Without the secret nobody can tell whose it is, nor try out logins. An empty secret is for development only.
    """
    digest = hmac.new(b"onewindow applicant " + secret.encode(), sub.encode(), hashlib.sha256)
    return f"p-{digest.hexdigest()[:32]}"
