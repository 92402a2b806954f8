"""Connections to the broker: plain, or by TLS with the authority that a file names."""

from __future__ import annotations

import ssl
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

from faststream.rabbit import RabbitBroker
from faststream.security import SASLPlaintext


def open_broker(url: str, **how: Any) -> RabbitBroker:
    """A broker of FastStream for ``url``; ``how`` is passed on.

    ``amqps://account:password@host:5671/permit?cafile=FILE`` trusts the authority in FILE and no other; without
    ``cafile`` the machine's authorities are trusted. The host's name is always compared with its certificate.
    """
    parts = urlsplit(url)
    if parts.scheme != "amqps":
        return RabbitBroker(url, **how)
    authority = parse_qs(parts.query).get("cafile", [None])[0]
    security = SASLPlaintext(
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        ssl_context=ssl.create_default_context(cafile=authority),
    )
    return RabbitBroker(urlunsplit(parts._replace(query="")), security=security, **how)
