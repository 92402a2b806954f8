"""Sends events again that the broker confirmed and a hearer never got: the rows as they stand in the outbox.

Whoever asks names events by their id and can say nothing of his own: an id that is not in this outbox, or was
never sent, is not sent. Hearers who have the event recognise it by their inbox.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from pydantic import BaseModel

from libs import outbox
from libs.metrics import RESENT
from libs.outbox import OutboxRow
from libs.work import Work

LOG = structlog.get_logger(__name__)
MOST_AT_ONCE = 500


class Resent(BaseModel):
    """How many of the events named are offered to the broker again; the others are not this outbox's, or unsent."""

    asked: int
    resent: int


async def send_again(work: Work, ids: Sequence[str]) -> list[OutboxRow]:
    """Make these rows unsent again, those that were sent; the relay has them until the broker confirms."""
    return await outbox.send_again(await work.shared.sql(), ids)


def note(rows: Sequence[OutboxRow], actor: str) -> None:
    """Log and count what is sent again."""
    for row in rows:
        RESENT.labels(row.event_type).inc()
    LOG.warning("events_sent_again", number=len(rows), by=actor)
