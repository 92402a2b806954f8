"""What supervision is told from outside, beside what every service is told."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property

from libs.settings import ServiceSettings


class Settings(ServiceSettings):
    """Both graces are business time: how long an event that happened earlier may still be under way.

    ``card_grace_s``: a card is issued this long after the crossing, so that an act in time is never carded
    because its event came late; the card still carries the crossing's own instant.
    ``absence_grace_s``: only after this long is something that should have come first found to be missing.
    ``settle_s`` is real time: supervision judges lateness and absence only when it has heard nothing belated
    for so long, so that its own outage is never held against the others.
    """

    card_grace_s: int = 30
    absence_grace_s: int = 3600
    settle_s: float = 3.0

    @cached_property  # every event and every judging asks
    def card_grace(self) -> timedelta:
        """``card_grace_s`` as a duration."""
        return timedelta(seconds=self.card_grace_s)

    @cached_property
    def absence_grace(self) -> timedelta:
        """``absence_grace_s`` as a duration."""
        return timedelta(seconds=self.absence_grace_s)
