"""Connections to the broker: plain, or by TLS with the authority that a file names."""

from __future__ import annotations

import ssl
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

import aio_pika
from aio_pika.abc import AbstractConnection
from faststream.rabbit import RabbitBroker
from faststream.security import SASLPlaintext


def open_broker(url: str, **how: Any) -> RabbitBroker:
    """A broker of FastStream for ``url``; ``how`` is passed on.

    ``amqps://account:password@host:5671/permit?cafile=FILE`` trusts the authority in FILE and no other; without
    ``cafile`` the machine's authorities are trusted. The host's name is always compared with its certificate.
    """
    plain, trust = _trust(url)
    if trust is None:
        return RabbitBroker(plain, **how)
    parts = urlsplit(plain)
    security = SASLPlaintext(unquote(parts.username or ""), unquote(parts.password or ""), ssl_context=trust)
    return RabbitBroker(plain, security=security, **how)


async def open_connection(url: str, timeout_s: float) -> AbstractConnection:
    """A bare connection to the same ``url``, for what is fetched message by message."""
    plain, trust = _trust(url)
    return await aio_pika.connect(plain, timeout=timeout_s, ssl_context=trust)


def _trust(url: str) -> tuple[str, ssl.SSLContext | None]:
    parts = urlsplit(url)
    if parts.scheme != "amqps":
        return url, None
    authority = parse_qs(parts.query).get("cafile", [None])[0]
    return urlunsplit(parts._replace(query="")), ssl.create_default_context(cafile=authority)
