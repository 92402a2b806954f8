"""Numbers of PostgreSQL sequences (applications, permits, bills), fetched for many deeds at once.

A transaction that asks once fetches one number, so that an ordinary day has no gaps of our making; one that asks
again fetches twice as many each time. What it leaves over, the next one uses.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from libs.session import Session
from libs.statements import Statement

MOST_AT_ONCE = 256
_NEXT = "SELECT nextval($1::text::regclass) FROM generate_series(1, $2)"


class Numbers:
    """Numbers fetched and not yet given out, by sequence; no number is ever given out twice."""

    def __init__(self) -> None:
        self._left: dict[str, deque[int]] = {}

    async def next(self, session: Session, sequence: str, asked: int) -> int:
        """The next number; ``asked`` is how often this transaction has asked, this time included."""
        left = self._left.setdefault(sequence, deque())
        if not left:
            found = await session.fetch(Statement(_NEXT, (sequence, min(asked, MOST_AT_ONCE))))
            left.extend(int(row[0]) for row in found)
        return left.popleft()

    def give_back(self, sequence: str, numbers: Sequence[int]) -> None:
        """What a transaction was given that certainly did not commit: the next one uses it."""
        self._left.setdefault(sequence, deque()).extendleft(reversed(numbers))
