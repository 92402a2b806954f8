"""Knows whether supervision is behind with hearing: then it must not call anything late or missing.

After an outage of its own it hears old events one after the other, while the business clock is already far
past them. The stop of a clock may be three messages behind its crossing.
"""

from __future__ import annotations

import time
from datetime import timedelta


class Backlog:
    """Since when, in real time, nothing belated has been heard. One per process; a fresh one has just begun."""

    def __init__(self) -> None:
        self._behind_at = time.monotonic()

    def note(self, lag: timedelta, usual: timedelta) -> None:
        """An event came ``lag`` (business time) after it happened; up to ``usual`` is nothing special."""
        if lag > usual:
            self._behind_at = time.monotonic()

    def is_over(self, settle_s: float) -> bool:
        """Whether nothing belated was heard for ``settle_s`` seconds of real time."""
        return time.monotonic() - self._behind_at >= settle_s
