"""Knows whether supervision is behind with hearing: then it must not call anything late or missing.

After an outage of its own it hears old events one after the other, while the business clock is already far
past them. The stop of a clock may be three messages behind its crossing.
"""

from __future__ import annotations

from datetime import timedelta


class Backlog:
    """Since when nothing belated has been heard; instants are seconds of a real, steady clock.

    One per process; a fresh one is behind, since nobody knows yet what waits in the queue.
    """

    def __init__(self, at_s: float) -> None:
        self._behind_at_s = at_s

    def note(self, lag: timedelta, usual: timedelta, at_s: float) -> None:
        """An event came ``lag`` (business time) after it happened; up to ``usual`` is nothing special."""
        if lag > usual:
            self._behind_at_s = max(self._behind_at_s, at_s)

    def is_over(self, settle_s: float, at_s: float) -> bool:
        """Whether nothing belated was heard for ``settle_s`` seconds."""
        return at_s - self._behind_at_s >= settle_s
