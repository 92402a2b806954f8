"""The business clock: real time in production, a file in the demonstration, one way of asking in both."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """What every service asks for the business instant."""

    @property
    def rate(self) -> float:
        """Business seconds per real second; 1.0 in production."""

    def now(self) -> datetime:
        """The business instant, aware, UTC; it never runs backwards within a process."""


class SystemClock:
    """Real time."""

    rate = 1.0

    def now(self) -> datetime:
        """The machine's own time."""
        return datetime.now(UTC)


class FileClock:
    """A clock that somebody else drives by replacing a small file.

    The file holds ``business_at`` (instant) as it was at ``real_at`` (Unix seconds), the ``rate`` at which
    business time runs since, and a ``ceiling`` (instant or null) that it does not pass.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._business_at = datetime.min.replace(tzinfo=UTC)
        self._real_at = 0.0
        self._rate = 1.0
        self._ceiling: datetime | None = None
        self._last = datetime.min.replace(tzinfo=UTC)
        self._look()

    @property
    def rate(self) -> float:
        """Business seconds per real second, as the file says."""
        self._look()
        return self._rate

    def now(self) -> datetime:
        """The business instant; monotone, whatever is written into the file."""
        self._look()
        moment = self._business_at + timedelta(seconds=max(0.0, time.time() - self._real_at) * self._rate)
        if self._ceiling is not None:
            moment = min(moment, self._ceiling)
        self._last = max(self._last, moment)
        return self._last

    def _look(self) -> None:
        state = os.stat(self._path)
        seen = (state.st_mtime_ns, state.st_ino)
        if seen == self._seen:
            return
        told = json.loads(self._path.read_text(encoding="utf-8"))
        self._business_at = datetime.fromisoformat(told["business_at"])
        self._real_at = float(told["real_at"])
        self._rate = float(told["rate"])
        self._ceiling = datetime.fromisoformat(told["ceiling"]) if told.get("ceiling") else None
        self._seen = seen


def write_clock(path: Path, business_at: datetime, rate: float, ceiling: datetime | None) -> None:
    """Set the clock in one step: readers see the old file or the new one, never half of it."""
    told = {
        "business_at": business_at.astimezone(UTC).isoformat(),
        "real_at": time.time(),
        "rate": rate,
        "ceiling": ceiling.astimezone(UTC).isoformat() if ceiling else None,
    }
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(json.dumps(told), encoding="utf-8")
    partial.replace(path)
