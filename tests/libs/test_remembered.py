"""What a process remembers of its records: only what was committed, and only as long as nobody has changed it."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from libs.records import Records
from libs.work import Work
from tests.libs.toys import THINGS, House_, Thing, house


class Bodies:
    """Counts the bodies read from the database."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.read = Counter[str]()
        read = Records.read

        def counted(records: Records[Any], body: Any) -> Any:
            self.read[records.name] += 1
            return read(records, body)

        monkeypatch.setattr(Records, "read", counted)
        monkeypatch.setattr(THINGS, "remembers", 3)


async def count(home: House_, name: str) -> int | None:
    async def look(work: Work) -> int | None:
        found = await work.get(THINGS, name)
        return found.count if found else None

    return await home.commits.do("look", look)


async def add(home: House_, name: str, by: int = 1) -> None:
    async def one_more(work: Work) -> None:
        found = await work.get(THINGS, name) or Thing(thing_id=name)
        work.put(THINGS, Thing(thing_id=name, count=found.count + by))
        work.touch(name)

    await home.commits.do("add", one_more)


async def test_what_was_written_or_read_is_not_read_again(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = Bodies(monkeypatch)
    async with house(database) as home:
        for n in range(1, 6):
            await add(home, "a")
            assert await count(home, "a") == n
        assert bodies.read["things"] == 0, "this process wrote every version itself"
    async with house(database) as fresh:
        assert [await count(fresh, "a") for _ in range(3)] == [5, 5, 5]
        assert bodies.read["things"] == 1
    async with house(database) as home:
        assert await home.rows("SELECT version, body->>'count' FROM things") == [(5, "5")]


async def test_what_another_replica_changed_is_read_anew(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = Bodies(monkeypatch)
    async with house(database) as here, house(database) as there:
        await add(here, "a")
        assert await count(there, "a") == 1
        for n in range(2, 12):
            await add((here, there)[n % 2], "a")
            assert [await count(here, "a"), await count(there, "a")] == [n, n]
        assert bodies.read["things"] == 1 + 10, "each change is read once, by the one that did not make it"


async def test_replicas_that_add_at_once_lose_nothing(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Bodies(monkeypatch)
    async with house(database) as here, house(database) as there:
        await add(here, "a")
        await asyncio.gather(*(add(home, "a") for _ in range(40) for home in (here, there)))
        assert [await count(here, "a"), await count(there, "a")] == [81, 81]


async def test_what_was_not_committed_is_not_remembered(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Bodies(monkeypatch)
    broken: list[bool] = []

    async def settle(work: Work, subjects: list[str]) -> None:
        if broken:
            await work.rows(sa.text("SELECT 1"))  # so that what the deeds have put is written
            await (await work.shared.sql()).exec_driver_sql("SELECT 1 / 0")

    async with house(database, settle=settle) as here, house(database) as there:
        await add(here, "a")
        broken.append(True)
        with pytest.raises(DBAPIError, match="division"):
            await add(here, "a")
        broken.clear()
        assert await here.rows("SELECT version, body->>'count' FROM things") == [(1, "1")]
        await add(there, "a", by=10)  # the second version, and not the one that came to nothing
        assert await count(here, "a") == 11


async def test_no_more_are_remembered_than_the_table_says(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = Bodies(monkeypatch)
    async with house(database) as home:
        for name in "abcd":
            await add(home, name)
        assert [await count(home, name) for name in "bcd"] == [1, 1, 1]
        assert bodies.read["things"] == 0
        assert await count(home, "a") == 1
        assert bodies.read["things"] == 1, "the one that was used longest ago was forgotten"
