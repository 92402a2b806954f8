"""Connections to a service's own database: one engine, bounded waits, nothing hangs."""

from __future__ import annotations

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


def driver_url(url: str) -> str:
    """The same address for SQLAlchemy's asyncpg driver."""
    scheme, rest = url.split("://", 1)
    return f"postgresql+asyncpg://{rest}" if scheme in ("postgresql", "postgres") else url


def open_engine(url: str, name: str) -> AsyncEngine:
    """An engine whose sessions name themselves ``name`` and give up on statements after 15 s, locks after 5 s."""
    return create_async_engine(
        driver_url(url),
        pool_size=POOL,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=POOL_WAIT_S,
        hide_parameters=True,  # values may be personal data: never in a log
        connect_args={"server_settings": {**_SERVER_SETTINGS, "application_name": name}, "timeout": 5},
    )
