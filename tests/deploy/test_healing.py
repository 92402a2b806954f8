"""A queue that was purged in flight is found by comparing outbox and inbox, and healed with nothing twice."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from deploy.healing import Comparison, Desk, Healer, Lost
from deploy.healing.outboxes import Mark, Sent
from deploy.servers import PostgresServer, RabbitmqServer
from deploy.servers.accounts import Accounts
from libs import resending
from libs.clock import SystemClock
from libs.commits import Commits
from libs.consumer import Consumers, Listener
from libs.database import open_engine
from libs.envelope import Event
from libs.flow import FLOW
from libs.relay import Relay
from libs.speaker import Speaker
from libs.work import House, Work
from tests.libs.toys import HEARD, THINGS, Said, Thing, fresh_database, unchecked_contracts, until

RIPE_S = 8.0  # the broker counts its queues every 5 s
SAID = 60


class Post:
    """A service with an outbox, an inbox and both sides of the broker; it listens only when told to."""

    def __init__(self, address: str, url: str, service: str) -> None:
        self.engine: AsyncEngine = open_engine(url, service)
        consumers = Consumers()

        @consumers.on(HEARD, Said)
        async def on_delivered(work: Work, heard: Event, data: Said) -> None:
            known = await work.get(THINGS, heard.subject) or Thing(thing_id=heard.subject)
            work.put(THINGS, known.model_copy(update={"count": known.count + 1}))

        self.relay = Relay(address, FLOW, self.engine)
        house = House(Speaker(FLOW, service, None))
        self.commits = Commits(self.engine, house, SystemClock(), consumers.dispatch, self.relay)
        self.listener = Listener(address, FLOW, service, consumers, self.commits)

    async def say(self, subject: str) -> None:
        """Say something about the subject."""

        async def deed(work: Work) -> None:
            work.say(HEARD, subject, {"n": 0})

        await self.commits.do("say", deed)

    async def count(self, what: str) -> int:
        """How many rows."""
        async with self.engine.connect() as connection:
            return int((await connection.exec_driver_sql(f"SELECT count(*) FROM {what}")).scalar_one())

    async def sweep(self) -> None:
        """The relay's sweep, as a service does it."""
        while True:
            with contextlib.suppress(Exception):
                await self.relay.sweep()
            await asyncio.sleep(0.2)


class ToyDesk(Desk):
    """Reaches the speaker without HTTP; counts what it was told."""

    def __init__(self, speaker: Post) -> None:
        self._speaker = speaker
        self.told: list[tuple[str, int]] = []

    async def act(self, house: str, path: str, body: Any = None) -> Any:
        assert path == "/api/outbox/resend"
        self.told.append((house, len(body["ids"])))
        rows: list[Any] = []

        async def deed(work: Work) -> None:
            rows.extend(await resending.send_again(work, body["ids"]))

        await self._speaker.commits.do("resend", deed)
        self._speaker.relay.offer(rows)
        return {"asked": len(body["ids"]), "resent": len(rows)}


@pytest.fixture
async def posts(
    postgres_server: PostgresServer,
    rabbitmq_server: RabbitmqServer,
    accounts: Accounts,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[tuple[Post, Post, Comparison]]:
    """intake speaks; supervision hears, once its listener is started."""
    unchecked_contracts(monkeypatch)
    with rabbitmq_server.operator() as operator:
        for queue in ("intake", "supervision"):
            operator.delete(f"/api/queues/permit/{queue}/contents")
    urls = [await fresh_database(postgres_server) for _ in range(2)]
    speaker, hearer = (
        Post(accounts.address(rabbitmq_server, name), url, name)
        for name, url in zip(("intake", "supervision"), urls, strict=True)
    )
    await speaker.relay.broker.start()
    loops = [speaker.commits.run(), speaker.relay.run(), speaker.sweep(), hearer.commits.run()]
    tasks = [asyncio.create_task(loop) for loop in loops]
    databases = {"intake": urls[0], "supervision": urls[1]}
    comparison = Comparison(FLOW, databases, rabbitmq_server.management, ripe_s=RIPE_S)
    yield speaker, hearer, comparison
    await comparison.close()
    await hearer.listener.stop()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await speaker.relay.broker.stop()
    for post in (speaker, hearer):
        await post.engine.dispose()


async def test_a_purged_queue_is_found_and_healed_with_nothing_twice(
    posts: tuple[Post, Post, Comparison], rabbitmq_server: RabbitmqServer
) -> None:
    speaker, hearer, comparison = posts
    await asyncio.gather(*(speaker.say(f"s{i}") for i in range(SAID)))

    async def waiting() -> bool:
        assert await comparison.look() == [], "what waits in its queue is not lost"
        return comparison.missing["supervision"] == SAID

    await until(waiting, 30)
    with rabbitmq_server.operator() as operator:
        operator.delete("/api/queues/permit/supervision/contents").raise_for_status()
    await hearer.listener.start()
    await speaker.say("after")
    desk = ToyDesk(speaker)
    told: list[str] = []
    healer = Healer(comparison, desk, told.append)

    async def healed() -> bool:
        await healer.once()
        return await hearer.count("inbox") == SAID + 1

    await until(healed, 30)
    assert desk.told == [("intake", SAID)], "each lost event was asked for once"
    assert told == [f"intake sends {SAID} events again that supervision never got"]
    assert await hearer.count("things WHERE count = 1") == SAID + 1
    assert await hearer.count("things") == SAID + 1

    async def marked() -> bool:
        return await speaker.count("unsent") == 0 and speaker.relay.idle

    await until(marked)
    assert (await healer.once()).lost == []
    assert healer.registry.get_sample_value("permit_deliveries_lost_events", {"hearer": "supervision"}) == 0
    assert (
        healer.registry.get_sample_value("permit_deliveries_healed_events_total", {"speaker": "intake"})
        == SAID
    )


async def test_a_broker_that_comes_back_without_its_data_is_refilled_from_the_outboxes(
    posts: tuple[Post, Post, Comparison], rabbitmq_server: RabbitmqServer
) -> None:
    speaker, hearer, comparison = posts
    child = rabbitmq_server.child
    data = (
        next((folder / "data" for folder in child.remove if (folder / "data").is_dir()), None)
        if child
        else None
    )
    if data is None:
        pytest.skip("the broker's data is not a folder of this machine")
    await asyncio.gather(*(speaker.say(f"s{i}") for i in range(SAID)))

    async def confirmed() -> bool:
        return await speaker.count("outbox") == SAID and await speaker.count("unsent") == 0

    await until(confirmed)
    rabbitmq_server.kill()
    shutil.rmtree(data)
    await asyncio.to_thread(rabbitmq_server.restart)
    await hearer.listener.start()
    healer = Healer(comparison, ToyDesk(speaker))

    async def healed() -> bool:
        await healer.once()
        return await hearer.count("inbox") == SAID

    await until(healed, 60)
    assert await hearer.count("things WHERE count = 1") == SAID


async def test_only_what_was_said_and_sent_is_sent_again(posts: tuple[Post, Post, Comparison]) -> None:
    speaker, hearer, _ = posts
    await speaker.say("s")

    async def sent() -> bool:
        return await speaker.count("outbox") == 1 and await speaker.count("unsent") == 0

    await until(sent)
    async with speaker.engine.connect() as connection:
        (known,) = (await connection.exec_driver_sql("SELECT id FROM outbox")).one()
    desk = ToyDesk(speaker)
    assert await desk.act("intake", "/api/outbox/resend", {"ids": ["never", known]}) == {
        "asked": 2,
        "resent": 1,
    }
    await until(sent)
    await hearer.listener.start()

    async def heard() -> bool:
        return await hearer.count("inbox") == 1 and hearer.listener.heard == 2

    await until(heard)
    assert await hearer.count("things WHERE count = 1") == 1


async def test_who_is_away_is_told_and_nothing_is_forgotten(posts: tuple[Post, Post, Comparison]) -> None:
    speaker, _, _ = posts
    nowhere = Comparison(FLOW, {"intake": "postgresql://nobody@127.0.0.1:1/none"}, "http://127.0.0.1:1")
    done = await Healer(nowhere, ToyDesk(speaker)).once()
    assert done.lost == []
    assert done.trouble[0].startswith("intake was not compared: ")


async def test_one_who_is_away_keeps_nobody_else_from_being_healed(
    posts: tuple[Post, Post, Comparison], rabbitmq_server: RabbitmqServer, postgres_server: PostgresServer
) -> None:
    speaker, hearer, comparison = posts
    not_migrated = {"review.fire": postgres_server.url}
    wider = Comparison(
        FLOW, {**comparison._databases._urls, **not_migrated}, rabbitmq_server.management, ripe_s=RIPE_S
    )
    await speaker.say("lost")

    async def waiting() -> bool:
        assert await wider.look() == []
        return wider.missing["supervision"] == 1

    await until(waiting, 30)
    with rabbitmq_server.operator() as operator:
        operator.delete("/api/queues/permit/supervision/contents").raise_for_status()
    await hearer.listener.start()
    healer = Healer(wider, ToyDesk(speaker))
    trouble: set[str] = set()

    async def healed() -> bool:
        trouble.update((await healer.once()).trouble)
        return await hearer.count("inbox") == 1

    await until(healed, 30)
    await wider.close()
    assert [each.partition(":")[0] for each in trouble] == ["review.fire was not compared"]
    assert "UndefinedTableError" in trouble.pop()
    assert healer.since_look_s == float("inf"), "not all was compared, and the alert shall say so"


async def test_a_queue_that_is_never_empty_shows_a_loss_by_order(monkeypatch: pytest.MonkeyPatch) -> None:
    comparison = Comparison(FLOW, {"intake": "", "supervision": ""}, "")
    inbox: set[tuple[str, str]] = set()

    async def heard(hearer: str, identities: list[tuple[str, str]]) -> set[tuple[str, str]]:
        return inbox & set(identities)

    monkeypatch.setattr(comparison._databases, "heard", heard)
    events = [Sent("intake", "intake", str(n), HEARD, None, seen_at=float(n)) for n in (0, 20, 60)]
    comparison._await(events)
    busy = {"supervision": 7}
    assert await comparison._lost("supervision", busy) == [], "all of them may still be in the queue"
    inbox.add(("intake", "60"))
    assert [each.sent.id for each in await comparison._lost("supervision", busy)] == ["0", "20"]
    assert comparison.missing == {"intake": 0, "supervision": 2}
    inbox.add(("intake", "0"))
    assert [each.sent.id for each in await comparison._lost("supervision", {})] == ["20"]


async def test_what_stays_lost_is_sent_again_more_and_more_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("deploy.healing.healer.time.monotonic", lambda: now)
    healer = Healer(Comparison(FLOW, {"intake": "", "supervision": ""}, ""), Desk({}, _no_token))
    lost = [Lost(Sent("intake", "intake", "1", HEARD, None, 0.0), hearer) for hearer in ("a", "b")]
    asked = []
    for _ in range(200):
        if healer._due(lost):
            asked.append(now - 1000)
        now += 10
    assert asked == [0, 30, 90, 210, 450, 930, 1530]
    healer._note([])
    assert healer._due(lost) == {"intake": ["1"]}, "a new loss of an event that was healed is told at once"


async def _no_token() -> str:
    return ""


def row(seq: int, *, is_sent: bool) -> dict[str, Any]:
    return {
        "seq": seq, "source": "intake", "id": str(seq), "type": HEARD, "department": None, "is_sent": is_sent,
    }  # fmt: skip


def test_numbers_committed_late_and_rows_sent_late_are_read_again() -> None:
    mark = Mark()
    mark.take([row(1, is_sent=True), row(4, is_sent=False), row(5, is_sent=False)], "intake", 100.0)
    assert (mark.seq, sorted(mark.later)) == (5, [2, 3, 4, 5])
    assert mark.ripe(99.0) == [], "seen later than that"
    assert [sent.id for sent in mark.ripe(100.0)] == ["1"]
    mark.take([row(3, is_sent=True), row(4, is_sent=True), row(5, is_sent=False)], "intake", 110.0)
    assert (mark.seq, sorted(mark.later)) == (5, [2, 5])
    assert [(sent.id, sent.seen_at) for sent in mark.ripe(111.0)] == [("3", 110.0), ("4", 110.0)]
    assert mark.ripe(1000.0) == [], "each is given out once"
