"""A center that another process keeps up: where it is, as its run folder's center.json tells."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from deploy.audit import Report, audit
from deploy.audit.load import clock_file_now
from deploy.launcher.processes import ROOT
from deploy.launcher.story.cast import Cast
from libs.flow import FLOW

CURRENT = ROOT / ".run" / "current"

LOOKS = 4  # at what may only seem stuck


class NoCenter(Exception):
    """There is no center to talk to; the text ends with the line to type."""


class Attached:
    """A running center's addresses, read from its run folder."""

    def __init__(self, run_dir: Path | None = None) -> None:
        self.run_dir = (run_dir or CURRENT).resolve()
        path = self.run_dir / "center.json"
        if not path.exists():
            raise NoCenter(f"No center has run in {self.run_dir}.\nType: make demo")
        self._state: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))

    @property
    def sites(self) -> dict[str, Any]:
        """Service (review: department) to address."""
        found: dict[str, Any] = self._state["sites"]
        return found

    @property
    def databases(self) -> dict[str, str]:
        """Database to read-only address."""
        found: dict[str, str] = self._state["databases"]
        return found

    @property
    def traces(self) -> Path:
        """The folder of span files."""
        return Path(self._state["traces"])

    @property
    def management(self) -> str:
        """The broker's management address."""
        return str(self._state["management"])

    def business_now(self) -> datetime:
        """The business instant."""
        return clock_file_now(Path(self._state["clock"]))

    @asynccontextmanager
    async def cast(self) -> AsyncIterator[Cast]:
        """The people of the center, over HTTP."""
        client_id, client_secret = self._state["driver_client"]
        async with Cast(self._state["issuer"], client_id, client_secret, self.sites) as cast:
            yield cast

    async def audit(self) -> Report:
        """Judge all databases. What only seems stuck is looked at again for a few seconds: a service notes
        once a second which of its events the broker has confirmed."""
        for _ in range(LOOKS):
            report = await audit(
                self.databases,
                FLOW,
                key_directory=Path(self._state["key_directory"]),
                business_now=self.business_now(),
                broker_url=self.management,
            )
            if any(finding.breaches for finding in report.findings if finding.invariant != "I13"):
                break
            if report.clean:
                break
            await asyncio.sleep(1.5)
        return report
