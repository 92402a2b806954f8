"""What could not be handled: events set aside in the databases, and messages in the dead-letter queues."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

import asyncpg
import httpx

from deploy.launcher.attached import Attached

_ASIDE = "SELECT type, source, id, code, reason FROM set_aside WHERE settled_at IS NULL ORDER BY set_aside_at"


@dataclass(frozen=True)
class Letter:
    """One thing a person must look at."""

    where: str
    event: str
    id: str
    why: str


async def all_letters(center: Attached) -> list[Letter]:
    """Everything set aside and not settled, then the dead-letter queues that are not empty."""
    found = []
    for name, url in sorted(center.databases.items()):
        connection = await asyncpg.connect(url)
        try:
            rows = await connection.fetch(_ASIDE)
        finally:
            await connection.close()
        found += [
            Letter(name, row["type"], f"{row['source']}:{row['id']}", f"{row['code']}: {row['reason']}"[:200])
            for row in rows
        ]
    return found + await _dead(center.management)


async def _dead(management: str) -> list[Letter]:
    parts = urlsplit(management)
    base = f"{parts.scheme}://{parts.hostname}:{parts.port}"
    async with httpx.AsyncClient(base_url=base, auth=(parts.username or "", parts.password or "")) as client:
        queues = (await client.get("/api/queues", params={"columns": "name,messages"})).json()
    return [
        Letter(queue["name"], "(message)", f"{queue['messages']} messages", "given up by the broker")
        for queue in queues
        if queue["name"].endswith(".dead") and queue.get("messages")
    ]
