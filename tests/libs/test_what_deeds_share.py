"""What the deeds of one commit have in common: loads, look-ups, numbers, rows; each still sees what it must."""

from __future__ import annotations

import asyncio
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.dialects.postgresql import JSONB

from libs.deeds import Deed, Run
from libs.records import Lookup, Records, metadata
from libs.work import Wanted, Work
from tests.libs.toys import THINGS, House_, Thing, house


class Part(BaseModel, frozen=True):
    """One of several under one thing."""

    thing_id: str
    part: str
    note: str = ""


METADATA = metadata()
PARTS = Records("parts", Part, key=("thing_id", "part"), metadata=METADATA)
BY_COUNT: Lookup[Thing] = Lookup(
    "by_count", "SELECT count::text, thing_id FROM things WHERE count::text = ANY($1::text[])", THINGS
)
SCRAPS = sa.Table(
    "scraps",
    METADATA,
    sa.Column("seq", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("told", JSONB),
    sa.Column("on_day", sa.Date),
    sa.Column("rate", sa.Numeric),
    sa.Column("raw", sa.LargeBinary),
)


async def prepared(home: House_) -> None:
    async with home.engine.begin() as connection:
        await connection.run_sync(METADATA.create_all)
        await connection.exec_driver_sql("CREATE SEQUENCE numbers")


async def together(home: House_, *runs: Run, loads: list[Wanted] | None = None) -> list[Any]:
    """Do these deeds in one commit."""
    loop = asyncio.get_running_loop()
    before = home.commits.generation
    deeds = [Deed("deed", run, loop.create_future(), loads=list(loads or ())) for run in runs]
    found = await asyncio.gather(*(home.commits.submit(deed) for deed in deeds))
    assert home.commits.generation <= before + 1, "they were to share one commit"
    return list(found)


async def test_numbers_come_in_blocks_within_a_commit_and_one_by_one_between(database: str) -> None:
    async with house(database) as home:
        await prepared(home)

        async def number(work: Work) -> int:
            return await work.next_number("numbers")

        alone = [(await together(home, number))[0] for _ in range(3)]
        assert alone == [1, 2, 3]
        assert await home.rows("SELECT last_value FROM numbers") == [(3,)], "an ordinary day has no gaps"
        many = await together(home, *[number] * 50)
        assert many == list(range(4, 54))
        (drawn,) = (await home.rows("SELECT last_value FROM numbers"))[0]
        assert drawn < 3 + 2 * 50 + 1
        assert (await together(home, number)) == [54], "what one commit leaves over the next one uses"


async def test_a_family_is_loaded_by_the_beginning_of_its_key(database: str) -> None:
    async with house(database) as home:
        await prepared(home)

        async def write(work: Work) -> None:
            for part in ("a", "b"):
                work.put(PARTS, Part(thing_id="one", part=part))
            work.put(PARTS, Part(thing_id="two", part="a"))

        async def read(work: Work) -> list[Any]:
            work.put(PARTS, Part(thing_id="one", part="c", note="new"))
            found = await work.load(PARTS, [("one", part) for part in ("a", "b", "c", "d")])
            return [each.part for each in found]

        await together(home, write)
        assert await together(home, read, loads=[(PARTS, ("one",))]) == [["a", "b", "c"]]
        rows = await home.rows("SELECT thing_id, part, version FROM parts ORDER BY 1, 2")
        assert rows == [("one", "a", 1), ("one", "b", 1), ("one", "c", 1), ("two", "a", 1)]


async def test_what_was_never_looked_at_is_written_whether_it_exists_or_not(database: str) -> None:
    async with house(database) as home:
        await prepared(home)

        async def write(work: Work) -> None:
            work.put(THINGS, Thing(thing_id="old", count=2))
            work.put(THINGS, Thing(thing_id="new", count=1))

        async def first(work: Work) -> None:
            work.put(THINGS, Thing(thing_id="old", count=1))

        await together(home, first)
        await together(home, write)
        rows = await home.rows("SELECT thing_id, count, version FROM things ORDER BY 1")
        assert rows == [("new", 1, 1), ("old", 2, 2)]


async def test_a_record_is_found_by_something_else_than_its_key(database: str) -> None:
    async with house(database) as home:

        async def write(work: Work) -> None:
            work.put(THINGS, Thing(thing_id="seven", count=7))

        async def find(work: Work) -> Any:
            found = await work.find(BY_COUNT, "7")
            assert await work.find(BY_COUNT, "8") is None
            if found is not None:
                work.put(THINGS, found.model_copy(update={"count": 70}))
            return found

        await together(home, write)
        first, second = await together(home, find, find, loads=[(BY_COUNT, ("7",))])
        assert (first.count, second.count) == (7, 70), "the second deed sees what the first has staged"


async def test_what_is_found_once_is_found_again_after_a_write(database: str) -> None:
    asked: list[str] = []
    async with house(database) as home:

        def look(name: str) -> Run:
            async def run(work: Work) -> int:
                async def find() -> int:
                    asked.append(name)
                    return len(await work.rows(sa.text("SELECT 1 FROM things")))

                return await work.once("things", find)

            return run

        async def write(work: Work) -> None:
            work.put(THINGS, Thing(thing_id="one"))

        assert (await together(home, look("first"), look("second"), write)) == [0, 0, None]
        assert asked == ["first"]
        assert (await together(home, look("third"))) == [1]


async def test_rows_of_every_kind_travel_as_arrays(database: str) -> None:
    async with house(database) as home:
        await prepared(home)

        async def write(work: Work) -> None:
            told = {"zh": "事项", "n": [1, None], "quote": '"\\'}
            work.add(SCRAPS, told=told, on_day=date(2026, 1, 5), rate=Decimal("2.50"), raw=b"\x00\xff")
            work.add(SCRAPS, told=None, on_day=None, rate=None, raw=None)
            work.add(SCRAPS, told={})

        await together(home, write)
        rows = await home.rows("SELECT told->>'zh', told->'n'->>0, on_day, rate::text, raw FROM scraps ORDER BY seq")
        assert rows[0] == ("事项", "1", date(2026, 1, 5), "2.50", b"\x00\xff")
        assert rows[1:] == [(None, None, None, None, None)] * 2
