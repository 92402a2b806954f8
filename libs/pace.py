"""How many deeds share a commit, and how long the next batch collects while more keeps coming."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sized
from dataclasses import dataclass

MOST_DEEDS = 512  # a longer batch gains nothing and delays its first deed
FLOOD = 64  # deeds in one commit: more are coming than are handled one by one
MOST_MESSAGES = 16  # held at once by one process: what comes beyond them goes to another replica
LULL_S = 0.5  # nothing has come for so long: the flood is over


@dataclass(frozen=True, slots=True)
class Pace:
    """How many deeds share a commit at most, and how long the next batch collects after one of a flood.

    ``messages`` are taken from the broker before the first is acknowledged; each may carry many events. A house that
    collects needs more of them than one that does not.

    The pause is for a house in which nobody waits for an answer; a lone message is not delayed by it, and it ends
    early when nothing more comes.
    """

    most: int = MOST_DEEDS
    pause_s: float = 0.0
    messages: int = MOST_MESSAGES

    async def let_collect(self, waiting: Sized) -> None:
        """Return once the pause is over, as many wait as may share a commit, or no more have come for a moment."""
        until, before = time.monotonic() + self.pause_s, -1
        while before < len(waiting) < self.most and time.monotonic() < until:
            before = len(waiting)
            await asyncio.sleep(min(LULL_S, self.pause_s))


PACE = Pace()
