"""What many deeds share in memory: the end of one message, and which rows are on their way."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from libs.deeds import Together
from libs.flow import FLOW
from libs.outbox import OutboxRow
from libs.relay import MARKED_TOGETHER, Relay
from tests.libs.toys import HEARD


async def test_a_message_ends_with_the_last_of_its_deeds_and_tells_each_end_once() -> None:
    together = Together(3)
    parts = [together.part() for _ in range(3)]
    told: list[Any] = []
    for part in parts:
        part.add_done_callback(told.append)
    for part in parts[:2]:
        part.set_result("nobody reads this")
    assert [part.done() for part in parts] == [True, True, False]
    assert not together.ended.done()
    parts[2].set_result(None)
    await asyncio.wait_for(together.ended, 1)
    assert told == parts


async def test_a_message_with_a_refused_deed_fails_so_that_it_is_not_acknowledged() -> None:
    together = Together(2)
    first, second = together.part(), together.part()
    first.set_exception(ValueError("the database refused it"))
    assert not together.ended.done()
    second.set_result(None)
    with pytest.raises(ValueError, match="refused"):
        await together.ended


async def test_a_message_without_elements_ends_at_once() -> None:
    await asyncio.wait_for(Together(0).ended, 1)


def test_rows_whose_marking_has_not_ended_are_not_offered_again() -> None:
    relay = Relay("amqp://localhost/nowhere", FLOW, cast(Any, None))
    seqs = list(range(MARKED_TOGETHER))
    rows = [OutboxRow(seq, HEARD, None, "{}") for seq in seqs]
    relay.put_back(seqs[1:])  # as if the broker had confirmed them
    assert relay.take_confirmed() == []  # too few to be worth a statement: the sweep marks them
    relay.put_back(seqs[:1])
    taken = relay.take_confirmed()
    assert sorted(taken) == seqs
    relay.offer(rows)  # the sweep still sees them unsent
    assert relay.idle == relay.swept
    assert not relay._pending
    relay.put_back(taken)
    assert relay.take_confirmed() == taken
    relay.marked(taken)
    relay.offer(rows)  # and a row that was lost after all may be sent
    assert [row.seq for row in relay._pending] == seqs
