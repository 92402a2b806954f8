"""Counts what was said and what was heard, in the databases: whether an event is still between two services."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence

import asyncpg

from libs.flow import Flow

_COUNTS = """
SELECT 'heard' AS type, count(*) AS number FROM inbox
UNION ALL SELECT type, count(*) FROM outbox GROUP BY type
"""
ASK_S = 10.0
# the last: the driver lost its way when the server ended the session
_AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class Deliveries:
    """One kept read-only connection to every database of a center."""

    def __init__(self, flow: Flow, departments: Sequence[str]) -> None:
        self._flow = flow
        self._departments = departments
        self._open: dict[str, asyncpg.Connection] = {}
        self._urls: Mapping[str, str] = {}

    def watch(self, urls: Mapping[str, str]) -> None:
        """Count in these databases (name to read-only address)."""
        self._urls = urls

    async def missing(self) -> int | None:
        """Deliveries that were said and not yet heard; None when a database does not answer."""
        try:
            async with asyncio.timeout(ASK_S):
                return sum(await asyncio.gather(*(self._difference(name) for name in self._urls)))
        except _AWAY:
            await self.close()
            return None

    async def _difference(self, name: str) -> int:
        connection = self._open.get(name)
        if connection is None:
            connection = self._open[name] = await asyncpg.connect(self._urls[name], timeout=ASK_S)
        counted = {row["type"]: int(row["number"]) for row in await connection.fetch(_COUNTS)}
        heard = counted.pop("heard")
        reached = self._flow.queues_reached
        return sum(number * reached(event, self._departments) for event, number in counted.items()) - heard

    async def close(self) -> None:
        """Let go of the connections; the next count opens new ones."""
        for connection in self._open.values():
            with contextlib.suppress(Exception):
                await connection.close(timeout=1)
        self._open.clear()
