"""Materials: fetched by capability, kept only when the hash is right, tried again when not, never changed."""

from __future__ import annotations

import time

import asyncpg
import httpx
import pytest

from libs.deadlines import legal_day
from services.review.materials import fetch_missing
from services.review.storage import count_tasks, missing_materials
from services.review.timers import LOOK_AGAIN_S, fetch
from tests.services.review import builders as b
from tests.services.review.conftest import Department

PATH = f"/api/tasks/{b.CASE}/materials/{b.PLAN_SHA256}"


def intake(content: bytes = b.PLAN_BYTES, status: int = 200) -> tuple[httpx.MockTransport, list[httpx.URL]]:
    asked: list[httpx.URL] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return httpx.Response(status, content=content)

    return httpx.MockTransport(answer), asked


async def test_material_is_fetched_by_capability_and_shown(department: Department) -> None:
    await department.hear(b.review_requested())
    assert (await department.get(PATH)).status_code == 404
    transport, asked = intake()
    assert await fetch_missing(department.app, transport) == 1
    assert (asked[0].path, asked[0].params["capability"]) == (f"/api/materials/{b.PLAN_SHA256}", "cap-2")
    got = await department.get(PATH)
    assert (got.content, got.headers["content-type"]) == (b.PLAN_BYTES, "application/pdf")
    assert got.headers["content-disposition"].startswith("attachment")
    assert got.headers["x-content-type-options"] == "nosniff"
    view = (await department.get(f"/api/tasks/{b.CASE}")).json()
    assert view["materials"][0]["arrived"] is True
    assert await fetch_missing(department.app, transport) == 0
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("content", "status", "problem"),
    [
        (b"%PDF-1.7 trAffic plan", 200, "wrong_content"),
        (b.PLAN_BYTES + b" ", 200, "wrong_content"),
        (b"", 403, "refused"),
    ],
)
async def test_wrong_material_is_refused_and_tried_again_later(
    department: Department, content: bytes, status: int, problem: str
) -> None:
    await department.hear(b.review_requested())
    transport, asked = intake(content, status)
    assert await fetch_missing(department.app, transport) == 0
    assert await fetch_missing(department.app, transport) == 0
    assert len(asked) == 1  # the next try waits
    [(attempts, error)] = await department.rows("SELECT attempts, last_error FROM material_attempts")
    assert attempts == 1
    assert error.startswith(problem)
    assert (await department.get(PATH)).status_code == 404
    shown = (await department.get(f"/api/tasks/{b.CASE}")).json()["materials"][0]
    assert (shown["arrived"], shown["attempts"]) == (False, 1)
    async with department.app.state.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE material_attempts SET next_try_at = now()")
    good, _ = intake()
    assert await fetch_missing(department.app, good) == 1


async def test_background_asks_again_only_when_something_may_be_missing(department: Department) -> None:
    await fetch(department.app)
    settled = department.app.state.all_fetched_at
    await department.hear(b.review_requested())
    await fetch(department.app)  # intake.test does not resolve: the material stays missing
    assert department.app.state.all_fetched_at == settled
    assert department.app.state.commits.generation > settled
    async with department.app.state.engine.connect() as reader:
        assert len(await missing_materials(reader, 5, due=False)) == 1
        assert await missing_materials(reader, 5) == []


async def test_material_another_replica_heard_of_is_looked_for_now_and_then(department: Department) -> None:
    await department.hear(b.review_requested())
    state = department.app.state
    state.all_fetched_at = state.commits.generation  # as if nothing had been committed by this process
    state.all_fetched_asked_at = time.monotonic()
    attempts = "SELECT count(*) FROM material_attempts"
    await fetch(department.app)
    assert await department.rows(attempts) == [(0,)]
    state.all_fetched_asked_at -= LOOK_AGAIN_S
    await fetch(department.app)
    assert await department.rows(attempts) == [(1,)]


async def test_figures_say_how_many_tasks_are_where(department: Department) -> None:
    late = b.clock("review", "2026-02-26", 3, "2026-03-02")
    await department.hear(b.review_requested(), b.review_requested(case_id="1" * 32, clock=late))
    async with department.app.state.engine.connect() as reader:
        counts, overdue = await count_tasks(reader, legal_day(b.NOW))
    assert (counts, overdue) == ({"open": 2}, 1)


async def test_intake_away_is_survived(department: Department) -> None:
    await department.hear(b.review_requested())

    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("nobody there")

    assert await fetch_missing(department.app, httpx.MockTransport(away)) == 0
    [(error,)] = await department.rows("SELECT last_error FROM material_attempts")
    assert error.startswith("unreachable")


async def test_material_of_another_case_is_not_shown(department: Department) -> None:
    await department.hear(b.review_requested())
    transport, _ = intake()
    await fetch_missing(department.app, transport)
    other = "f" * 32
    await department.hear(b.review_requested(case_id=other, materials=[]))
    assert (await department.get(f"/api/tasks/{other}/materials/{b.PLAN_SHA256}")).status_code == 404


async def test_database_refuses_a_file_that_is_not_its_hash_and_any_change(department: Department) -> None:
    connection = await asyncpg.connect(department.database.app)
    try:
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute(
                "INSERT INTO material_files (sha256, content) VALUES ($1, 'x')", b.PLAN_SHA256
            )
        await connection.execute(
            "INSERT INTO material_files (sha256, content) VALUES ($1, $2)", b.PLAN_SHA256, b.PLAN_BYTES
        )
        for statement in (
            "DELETE FROM material_files",
            "UPDATE material_files SET content = ''",
            "DELETE FROM tasks",
            "DELETE FROM items",
        ):
            with pytest.raises(asyncpg.PostgresError):
                await connection.execute(statement)
    finally:
        await connection.close()
