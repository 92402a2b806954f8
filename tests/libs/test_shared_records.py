"""Records that every deed reads and hardly one changes: replicas read them together, and still lose no change."""

from __future__ import annotations

import asyncio

from libs.records import Records, metadata
from libs.work import Work
from tests.libs.toys import House_, Thing, house

METADATA = metadata()
PUBLISHED = Records("published", Thing, key=("thing_id",), metadata=METADATA, remembers=4, shared=True)


async def add(
    home: House_, by: int, begun: asyncio.Event | None = None, go_on: asyncio.Event | None = None
) -> None:
    async def deed(work: Work) -> None:
        known = await work.get(PUBLISHED, "a") or Thing(thing_id="a")
        if begun is not None and go_on is not None:
            begun.set()
            await go_on.wait()
        work.put(PUBLISHED, Thing(thing_id="a", count=known.count + by))

    await home.commits.do("add", deed)


async def count(home: House_) -> int:
    async def deed(work: Work) -> int:
        return (await work.need(PUBLISHED, "a")).count

    found: int = await home.commits.do("read", deed)
    return found


async def prepared(home: House_) -> None:
    async with home.engine.begin() as connection:
        await connection.run_sync(METADATA.create_all)
    await add(home, 1)


async def test_a_deed_that_has_read_it_keeps_no_other_replica_from_reading(database: str) -> None:
    async with house(database) as here, house(database) as there:
        await prepared(here)
        begun, go_on = asyncio.Event(), asyncio.Event()
        adding = asyncio.create_task(add(here, 10, begun, go_on))
        await begun.wait()
        assert await asyncio.wait_for(count(there), 3) == 1, (
            "the other one's transaction is open, and has read it too"
        )
        go_on.set()
        await adding
        assert [await count(here), await count(there)] == [11, 11]


async def test_two_replicas_that_change_it_at_once_lose_neither_change(database: str) -> None:
    async with house(database) as here, house(database) as there:
        await prepared(here)
        go_on, both = asyncio.Event(), (asyncio.Event(), asyncio.Event())
        adding = [
            asyncio.create_task(add(home, by, begun, go_on))
            for home, by, begun in zip((here, there), (10, 100), both, strict=True)
        ]
        await asyncio.gather(*(begun.wait() for begun in both))  # both have read the same version
        go_on.set()
        await asyncio.gather(*adding)
        assert [await count(here), await count(there)] == [111, 111]
