"""Letters on a real PostgreSQL: heard again as if for the first time, once, and never dropped."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from prometheus_client import REGISTRY

from libs import inbox, letters
from libs.consumer import Consumers
from libs.envelope import Event
from libs.letters import LetterHearable, LetterNotFound, LetterUnreadable, Replayed
from libs.refusals import Park
from libs.work import Work
from tests.libs.toys import (
    HEARD,
    LINES,
    THINGS,
    House_,
    Said,
    Thing,
    event,
    house,
)

pytestmark = pytest.mark.usefixtures("contracts_unchecked")


class Mended:
    """A hearer with a bug that a release mends."""

    def __init__(self) -> None:
        self.bugs = {1: "one", 2: "two"}
        self.consumers = Consumers()

        @self.consumers.on(HEARD, Said)
        async def on_delivered(work: Work, heard: Event, data: Said) -> None:
            if data.n in self.bugs:
                raise ValueError(self.bugs[data.n])
            if data.n == 14:
                work.add(LINES, line="twice")
                work.add(LINES, line="twice")
            if data.n == 15 and await work.get(THINGS, "predecessor") is None:
                raise Park("predecessor")
            known = await work.get(THINGS, heard.subject) or Thing(thing_id=heard.subject)
            work.put(THINGS, known.model_copy(update={"count": known.count + 1}))


async def replay(toy: House_, number: int, actor: str = "administrator-01") -> Replayed:
    async def deed(work: Work) -> Replayed:
        return await letters.hear_letter(work, toy.commits.hearing, number, actor)

    told: Replayed = await toy.commits.do("replay letter", deed)
    return told


async def the_letter(toy: House_, number: int = 1) -> letters.Letter:
    async with toy.engine.connect() as connection:
        return await letters.read(connection, number)


async def test_a_mended_hearer_handles_the_letter_once_however_often_it_is_replayed(database: str) -> None:
    hearer = Mended()
    async with house(database, hearer.consumers) as toy:
        await toy.hear(event("s", 1), hearer.consumers)
        assert (await the_letter(toy)).attempts == 1
        hearer.bugs.clear()
        told = await asyncio.gather(*(replay(toy, 1) for _ in range(8)))
        assert sorted(each.outcome for each in told) == ["handled"] + ["settled"] * 7
        assert await toy.rows("SELECT thing_id, body->>'count' FROM things") == [("s", "1")]
        assert await toy.rows("SELECT state FROM inbox") == [("handled",)]
        letter = await the_letter(toy)
        assert letter.settled_at is not None
        assert [(each.actor, each.outcome) for each in letter.replays] == [("administrator-01", "handled")]
        assert (letter.attempts, letter.code) == (2, "handler_failed")


async def test_a_letter_that_fails_again_stays_with_the_new_reason_and_spares_its_neighbours(
    database: str,
) -> None:
    hearer = Mended()
    async with house(database, hearer.consumers) as toy:
        await toy.hear(event("s", 1), hearer.consumers)
        hearer.bugs[1] = "another bug"
        told, _ = await asyncio.gather(replay(toy, 1, "a"), toy.hear(event("good"), hearer.consumers))
        assert (told.outcome, told.code) == ("failed", "handler_failed")
        letter = await the_letter(toy)
        assert (letter.settled_at, letter.attempts, letter.replayed_by) == (None, 2, "a")
        assert (letter.reason, letter.first_reason) == ("ValueError: another bug", "one")
        assert await toy.rows("SELECT state FROM inbox ORDER BY subject") == [("handled",), ("set_aside",)]
        assert await toy.rows("SELECT thing_id FROM things") == [("good",)]


async def test_an_effect_the_database_refuses_is_noted_although_its_transaction_is_gone(
    database: str,
) -> None:
    hearer = Mended()
    async with house(database, hearer.consumers) as toy:
        await toy.hear(event("s", 14), hearer.consumers)
        with pytest.raises(Exception, match="allow"):
            await replay(toy, 1)

        async def note(work: Work) -> Any:
            return await letters.note_failed(work, 1, "a", ValueError("refused"))

        assert (await toy.commits.do("note", note)).outcome == "failed"
        assert (await the_letter(toy)).attempts == 2
        assert await toy.rows("SELECT * FROM lines") == []


async def test_a_letter_whose_predecessor_is_missing_waits_for_it_and_is_settled(database: str) -> None:
    hearer = Mended()
    hearer.bugs[15] = "young"
    async with house(database, hearer.consumers) as toy:
        await toy.hear(event("s", 15), hearer.consumers)
        del hearer.bugs[15]
        assert (await replay(toy, 1)).outcome == "parked"
        assert await toy.rows("SELECT state FROM inbox") == [("parked",)]
        async with toy.engine.connect() as connection:
            figures = await letters.figures(connection)
        assert (figures.set_aside, figures.parked, figures.oldest_set_aside_s) == (0, 1, 0)
        await toy.hear(event("predecessor"), hearer.consumers)
        assert await toy.rows("SELECT thing_id FROM things ORDER BY 1") == [("predecessor",), ("s",)]
        assert await toy.rows("SELECT count(*) FROM inbox WHERE state <> 'handled'") == [(0,)]


async def test_an_event_that_was_handled_by_another_way_is_not_handled_twice(database: str) -> None:
    hearer = Mended()
    async with house(database, hearer.consumers) as toy:
        once = event("s", 3)
        await toy.hear(once, hearer.consumers)

        async def keep(work: Work) -> None:
            given_up = inbox.SetAside(once.source, once.id, once.type, once.subject, once.to_json(), "x", "y")
            await inbox.set_aside(await work.shared.sql(), given_up)
            await inbox.unpark(await work.shared.sql(), once)

        await toy.commits.do("keep", keep)
        assert (await replay(toy, 1)).outcome == "known"
        assert await toy.rows("SELECT body->>'count' FROM things") == [("1",)]


async def test_text_that_is_no_event_is_closed_with_a_note_and_an_event_never(database: str) -> None:
    hearer = Mended()
    async with house(database, hearer.consumers) as toy:

        async def keep(work: Work) -> None:
            await inbox.set_aside(await work.shared.sql(), inbox.unreadable("junk", "no JSON"))

        def closing(number: int) -> Any:
            return toy.commits.do("close", lambda work: letters.close_letter(work, number, "a", "a probe"))

        await toy.commits.do("keep", keep)
        await toy.hear(event("s", 1), hearer.consumers)
        with pytest.raises(LetterUnreadable):
            await replay(toy, 1)
        with pytest.raises(LetterHearable):
            await closing(2)
        with pytest.raises(LetterNotFound):
            await replay(toy, 3)
        assert (await closing(1)).outcome == "closed"
        assert (await closing(1)).outcome == "settled"
        letter = await the_letter(toy)
        assert (letter.body, letter.replays[0].reason, letter.attempts) == ("junk", "a probe", 1)
        async with toy.engine.connect() as connection:
            assert await letters.hearable(connection, 9, 9) == [2]
            assert [row.number for row in await letters.rows(connection, "settled", 1, 9)] == [1]


async def test_replays_are_counted_by_outcome(database: str) -> None:
    hearer = Mended()

    def counted(outcome: str) -> float:
        return REGISTRY.get_sample_value("permit_replays_total", {"outcome": outcome}) or 0.0

    before = counted("failed"), counted("handled")
    async with house(database, hearer.consumers) as toy:
        await toy.hear(event("s", 2), hearer.consumers)
        await replay(toy, 1)
        hearer.bugs.clear()
        await replay(toy, 1)
    assert (counted("failed") - before[0], counted("handled") - before[1]) == (1, 1)
