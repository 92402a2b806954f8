"""Fetches materials from intake by capability: outside transactions, verified by hash, tried again.

This is the only HTTP call between services. What arrives is kept only if its SHA-256 is the one the case
names; anything else is refused, noted and fetched again later.
"""

from __future__ import annotations

import hashlib

import httpx
import structlog
from fastapi import FastAPI
from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncEngine

from services.review import storage
from services.review.storage import WantedMaterial

LOG = structlog.get_logger(__name__)
FETCHED = Counter("permit_materials_fetched_total", "Materials fetched from intake, by outcome", ["outcome"])
MOST_AT_ONCE = 20  # materials per round
FIRST_WAIT_S = 2.0  # after the first failure; doubles
LONGEST_WAIT_S = 300.0
TIMEOUT_S = 20.0


class FetchFailed(Exception):
    """A material could not be had; ``outcome`` is the metric's label."""

    def __init__(self, outcome: str, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome


async def fetch_missing(app: FastAPI, transport: httpx.AsyncBaseTransport | None = None) -> int:
    """Fetch what is missing and due; returns how many came. ``transport`` replaces the network in tests."""
    engine: AsyncEngine = app.state.engine
    settings = app.state.settings
    intake = settings.inner_sites.get("intake") or settings.sites.get("intake")
    if not intake:
        return 0
    arrived = 0
    while True:
        async with engine.connect() as reader:
            missing = await storage.missing_materials(reader, MOST_AT_ONCE)
        if not missing:
            return arrived
        async with httpx.AsyncClient(
            base_url=str(intake), timeout=TIMEOUT_S, transport=transport, follow_redirects=False
        ) as client:
            for wanted in missing:
                arrived += await _fetch_one(engine, client, wanted)


async def _fetch_one(engine: AsyncEngine, client: httpx.AsyncClient, wanted: WantedMaterial) -> bool:
    try:
        content = await _download(client, wanted)
    except (FetchFailed, httpx.HTTPError) as failed:
        outcome = failed.outcome if isinstance(failed, FetchFailed) else "unreachable"
        FETCHED.labels(outcome).inc()
        LOG.warning(
            "material_not_fetched", outcome=outcome, sha256=wanted.sha256, reason=str(failed)[:200],
            error=type(failed).__name__,
        )  # fmt: skip
        async with engine.begin() as connection:
            await storage.note_failure(
                connection, wanted, f"{outcome}: {failed}", first_s=FIRST_WAIT_S, longest_s=LONGEST_WAIT_S
            )
        return False
    async with engine.begin() as connection:
        await storage.keep_file(connection, wanted.sha256, content)
    FETCHED.labels("arrived").inc()
    return True


async def _download(client: httpx.AsyncClient, wanted: WantedMaterial) -> bytes:
    """The bytes of a material, verified; FetchFailed when intake refuses or sends something else."""
    path = f"/api/materials/{wanted.sha256}"
    async with client.stream("GET", path, params={"capability": wanted.capability}) as response:
        if response.status_code != 200:
            raise FetchFailed("refused", f"intake answered {response.status_code}")
        parts, size = [], 0
        async for part in response.aiter_bytes():
            size += len(part)
            if size > wanted.material.size:
                raise FetchFailed("wrong_content", f"more than the {wanted.material.size} bytes announced")
            parts.append(part)
    content = b"".join(parts)
    if hashlib.sha256(content).hexdigest() != wanted.sha256:
        raise FetchFailed("wrong_content", "the bytes are not what the hash says")
    return content
