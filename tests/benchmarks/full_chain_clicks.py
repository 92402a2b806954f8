"""The people of the full chain over HTTP: every act is a request with token, body and client key.

What there is to click on is looked up in the databases (as the audit may read them), so that reading pages is
not part of what is measured. The connections are kept; 25 at each service, 25 at each department.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import asyncpg

from tests.benchmarks.full_chain_center import CODES, BenchCenter
from tests.benchmarks.http_door_client import Door, text

AT_ONCE = 25
PAUSE_S = 0.05
_RECEIVED = "SELECT case_id FROM cases WHERE state = 'received'"
_ISSUED = "SELECT case_id FROM cases WHERE state = 'issued'"
_OPEN = "SELECT case_id FROM tasks WHERE state = 'open' LIMIT 1000"
_UNPAID = (
    "SELECT bill_no FROM bills b WHERE NOT EXISTS (SELECT 1 FROM settlements s WHERE s.bill_no = b.bill_no)"
)
_CONDITIONS = {
    "urban_management": "need-shown",
    "traffic_police": "traffic-kept-safe",
    "planning": "planning-approved",
    "fire": "fire-lane-free",
}
Click = Callable[[str], Awaitable[Any]]


class Clicks:
    """Everybody who clicks, until every case is delivered."""

    def __init__(self, center: BenchCenter) -> None:
        self._center = center
        self._stack = AsyncExitStack()

    async def all_to_the_end(self, cases: int) -> None:
        """Accept, examine, pay and take delivery of so many cases."""
        async with self._stack, self._center.cast() as cast:
            intake = await self._door(cast.site("intake"))
            fee = await self._door(cast.site("fee"))
            window, applicant = await cast.token("window-01"), await cast.token("applicant-01")

            async def accept(case_id: str) -> None:
                await intake.post(f"/api/cases/{case_id}/acceptance", window, uuid.uuid4().hex, b"{}")

            async def pay(bill_no: str) -> None:
                body = text({"channel": "demonstration"})
                await fee.post(f"/api/bills/{bill_no}/payment", applicant, uuid.uuid4().hex, body)

            async def receive(case_id: str) -> None:
                await intake.post(f"/api/cases/{case_id}/delivery", applicant, uuid.uuid4().hex, b"{}")

            async with asyncio.TaskGroup() as group:
                group.create_task(self._click("intake", _RECEIVED, accept, cases))
                for code in CODES:
                    opine = await self._examiner(
                        code, await cast.token(f"{code}-examiner"), cast.site("review", code)
                    )
                    group.create_task(self._click(f"review/{code}", _OPEN, opine, cases))
                group.create_task(self._click("fee", _UNPAID, pay, cases))
                group.create_task(self._click("intake", _ISSUED, receive, cases))

    async def _door(self, url: str) -> Door:
        return await self._stack.enter_async_context(Door(url, AT_ONCE))

    async def _examiner(self, code: str, token: str, url: str) -> Click:
        door = await self._door(url)
        answer = {
            "condition": _CONDITIONS[code],
            "answer": "met",
            "evidence": "经审查，符合 · examined and met",
        }
        body = text({"outcome": "consent", "answers": [answer]})

        async def opine(case_id: str) -> None:
            await door.post(f"/api/tasks/{case_id}/opinion", token, uuid.uuid4().hex, body)

        return opine

    async def _click(self, house: str, sql: str, click: Click, wanted: int) -> None:
        """Click once on everything this query finds, until so many were clicked on."""
        connection = await asyncpg.connect(self._center.databases[house].audit, timeout=10)
        seen: set[str] = set()
        try:
            while len(seen) < wanted:
                found = [row[0] for row in await connection.fetch(sql) if row[0] not in seen]
                seen.update(found)
                await asyncio.gather(*(click(each) for each in found))
                if not found:
                    await asyncio.sleep(PAUSE_S)
        finally:
            await connection.close()
