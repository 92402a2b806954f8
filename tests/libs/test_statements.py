"""Several statements as one: parameters keep their values, every part holds or none, rows come back to their query."""

from __future__ import annotations

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.servers import PostgresServer
from libs.statements import Reading, Statement, side_by_side, together


@pytest.fixture
async def connection(postgres_server: PostgresServer) -> asyncpg.Connection:
    opened = await asyncpg.connect(postgres_server.url)
    await opened.execute("CREATE TEMPORARY TABLE left_ (n int PRIMARY KEY, word text)")
    await opened.execute("CREATE TEMPORARY TABLE right_ (n int PRIMARY KEY, word text)")
    yield opened
    await opened.close()


def put(table: str, n: int, word: str, name: str = "") -> Statement:
    return Statement(f"INSERT INTO {table} VALUES ($1::int, $2::text) RETURNING n, word", (n, word), name)


def test_one_statement_stays_as_it_is() -> None:
    alone = put("left_", 1, "a")
    assert together([alone]) is alone


@given(st.lists(st.integers(0, 12), min_size=2, max_size=6))
def test_every_parameter_meets_its_own_value(counts: list[int]) -> None:
    parts = [
        Statement(" ".join(f"${n + 1}" for n in range(count)), tuple(f"{i}.{n}" for n in range(count)))
        for i, count in enumerate(counts)
    ]
    one = together(parts)
    met = [one.values[int(word.strip("()")[1:]) - 1] for word in one.sql.replace("(", " ").replace(")", " ").split()
           if word.startswith("$")]  # fmt: skip
    assert met == [value for part in parts for value in part.values]


async def test_parts_are_written_together_and_a_named_one_gives_its_rows(
    connection: asyncpg.Connection,
) -> None:
    parts = [
        put("left_", 1, "a"),
        put("right_", 2, "b", "said"),
        Statement("DELETE FROM left_ WHERE n = $1", (9,)),
    ]
    one = together(parts, "SELECT word FROM said")
    assert [tuple(row) for row in await connection.fetch(one.sql, *one.values)] == [("b",)]
    assert await connection.fetchval("SELECT word FROM left_") == "a"


async def test_if_one_part_fails_nothing_is_written(connection: asyncpg.Connection) -> None:
    await connection.execute("INSERT INTO right_ VALUES (2, 'there')")
    one = together([put("left_", 1, "a"), put("right_", 2, "b")])
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.fetch(one.sql, *one.values)
    assert await connection.fetchval("SELECT count(*) FROM left_") == 0


async def test_queries_side_by_side_give_each_its_rows_in_order(connection: asyncpg.Connection) -> None:
    await connection.execute("INSERT INTO left_ VALUES (1, 'a'), (2, 'b'), (3, 'c')")
    await connection.execute("INSERT INTO right_ VALUES (7, 'z')")
    below = "SELECT {} FROM {} WHERE n < $1::int ORDER BY n DESC FOR UPDATE"
    one = side_by_side(
        [
            Reading(below.format("n::text", "left_"), (3,), 1),
            Reading(below.format("word, n::text", "right_"), (8,), 2),
            Reading("SELECT word FROM left_ WHERE word = ANY($1::text[])", (["c", "nobody"],), 1),
        ]
    )
    rows = [tuple(row) for row in await connection.fetch(one.sql, *one.values)]
    assert rows == [(0, "2", None), (0, "1", None), (1, "z", "7"), (2, "c", None)]
