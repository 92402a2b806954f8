"""Connections to a service's own database: one engine, bounded waits, nothing hangs."""

from __future__ import annotations

import ssl
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from asyncpg.protocol import protocol
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

POOL = 5
POOL_OVERFLOW = 5
POOL_WAIT_S = 5
_SERVER_SETTINGS = {
    "statement_timeout": "15000",
    "lock_timeout": "5000",
    "idle_in_transaction_session_timeout": "30000",
    "timezone": "UTC",
}
_TLS = ("sslmode", "sslrootcert")
_TLS_MODES = ("disable", "require", "verify-ca", "verify-full")

# The driver asks two abstract classes about every element of every array whether it is an array itself: half of what
# sending a long one costs. What we send as an array is one of these, and a text is told from them at once.
if hasattr(protocol, "IterableABC"):
    protocol.IterableABC = (list, tuple, set, frozenset)


def driver_url(url: str) -> str:
    """The same address for SQLAlchemy's asyncpg driver; what it says about TLS is `tls`'s business."""
    scheme, rest = url.split("://", 1)
    if scheme not in ("postgresql", "postgres"):
        return url
    address, _, query = rest.partition("?")
    kept = urlencode([each for each in parse_qsl(query) if each[0] not in _TLS])
    return f"postgresql+asyncpg://{address}{'?' if kept else ''}{kept}"


def tls(url: str) -> dict[str, Any]:
    """The driver's TLS argument for an address in libpq's words (``sslmode``, ``sslrootcert``); ValueError for a
    mode that would fall back to plain text unnoticed."""
    told = dict(parse_qsl(urlsplit(url).query))
    mode = told.get("sslmode")
    if mode is None:
        return {}
    if mode not in _TLS_MODES:
        raise ValueError(f"sslmode={mode}: say one of {', '.join(_TLS_MODES)}")
    if not mode.startswith("verify"):
        return {"ssl": mode}
    context = ssl.create_default_context(cafile=told.get("sslrootcert"))
    context.check_hostname = mode == "verify-full"
    return {"ssl": context}


def open_engine(url: str, name: str) -> AsyncEngine:
    """An engine whose sessions name themselves ``name`` and give up on statements after 15 s, locks after 5 s."""
    return create_async_engine(
        driver_url(url),
        pool_size=POOL,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=POOL_WAIT_S,
        hide_parameters=True,  # values may be personal data: never in a log
        connect_args={
            "server_settings": {**_SERVER_SETTINGS, "application_name": name},
            "timeout": 5,
            **tls(url),
        },
    )
