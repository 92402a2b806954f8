"""Files that an older supervision kept are taken over whole, and the older one can write no more beside the newer."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from libs.database import driver_url, tls
from libs.deeds import is_transient
from libs.migration import configuration, upgrade
from services.supervision.domain.case_file import CaseFile
from services.supervision.storage import clocks_of_case, read_case
from tests.audit.center import NOW, recorded
from tests.audit.center.supervised import case_files
from tests.conftest import NewDatabase
from tests.services.supervision.house import heard_by_supervision, supervision_house
from tests.services.supervision.test_watching import GRANTED

OLD_FILE = "INSERT INTO case_files (case_id, application_no, item_code, state, counted_with, look_at, body, version) "
OLD_CLOCK = "INSERT INTO clocks (clock_id, case_id, application_no, item_code, kind, agency, due_on, "
OLD_CLOCK += "started_at, body, version) "


def old_body(case: CaseFile) -> dict[str, Any]:
    """A file as it was kept before: everything in one text."""
    happened = [
        {"type": each.type, "source": each.source, "id": each.id, "at": each.at.isoformat(),
         "department": each.department, "traceparent": each.traceparent, "data": each.data}
        for each in case.happenings
    ]  # fmt: skip
    told = {"state": "accepted", "counted_with": "2026.v1", "findings": ("AL 59|fee|1|x",), "look_at": NOW}
    kept = case.model_copy(update=told)
    plain = kept.model_dump(mode="json", exclude={"heard"})
    return {**plain, "happenings": happened, "projected": {f"{case.case_id}/notice/intake": "0" * 16}}


async def at_version_3(url: str, app: str, audit: str) -> None:
    """Take a database back to nothing and forward to the tables of the older supervision."""
    config = configuration("supervision", app, audit)

    def run(connection: sa.Connection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")

    engine = create_async_engine(driver_url(url), connect_args=tls(url))
    async with engine.begin() as connection:
        tables = await connection.exec_driver_sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for table in tables.scalars().all():
            await connection.exec_driver_sql(f"DROP TABLE {table} CASCADE")
        await connection.exec_driver_sql("DROP SEQUENCE card_numbers, finding_numbers")
        await connection.exec_driver_sql("DROP FUNCTION older_one_waits(), refuse_change()")
        await connection.run_sync(run)
    await engine.dispose()


async def keep_as_before(connection: AsyncConnection, cases: list[CaseFile]) -> None:
    """What the older supervision had written of these cases."""
    for case in cases:
        body = json.dumps(old_body(case))
        values = (case.case_id, case.application_no, case.item_code, "accepted", "2026.v1", NOW, body)
        await connection.exec_driver_sql(OLD_FILE + "VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, 3)", values)
        started = case.happenings[0].at
        clock = json.dumps({"starts_on": "2026-01-05", "limit_wd": 5, "provisional": False})
        row = (
            f"{case.case_id}/notice/intake", case.case_id, case.application_no, case.item_code, "notice", "intake",
            started.date(), started, clock,
        )  # fmt: skip
        await connection.exec_driver_sql(OLD_CLOCK + "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, 1)", row)


async def test_files_known_so_far_are_taken_over_whole_and_judged_on(
    new_database: NewDatabase, monkeypatch: Any
) -> None:
    database = await new_database("supervision")
    roles = (f"{database.name}_app", f"{database.name}_audit")
    await at_version_3(database.owner, *roles)
    cases = case_files(recorded())
    last = next(each for each in recorded().order if each.id == cases[GRANTED].happenings[-1].id)
    cases[GRANTED] = cases[GRANTED].with_happenings(cases[GRANTED].happenings[:-1])
    engine = create_async_engine(driver_url(database.app), connect_args=tls(database.app))
    async with engine.begin() as connection:
        await keep_as_before(connection, list(cases.values()))
    await upgrade("supervision", database.owner, *roles)

    async with engine.connect() as connection:
        for case_id, before in cases.items():
            after = await read_case(connection, case_id)
            assert after is not None
            assert after.happenings == before.happenings
            assert (after.heard, after.is_judged, after.look_at) == (len(before.happenings), True, NOW)
            assert (after.state, after.counted_with, after.findings) == ("accepted", "2026.v1", ("AL 59|fee|1|x",))
            (clock,) = await clocks_of_case(connection, case_id)
            assert (clock.limit_wd, clock.provisional, clock.starts_on.isoformat()) == (5, False, "2026-01-05")

    async with engine.connect() as connection:
        with pytest.raises(DBAPIError, match="newer supervision") as refused:
            await keep_as_before(connection, [next(iter(cases.values()))])
    assert is_transient(refused.value), "the older one holds what it was given instead of giving it up"
    await engine.dispose()

    async with supervision_house(database.app, monkeypatch, NOW) as house:
        events = heard_by_supervision(recorded().order)
        await house.hear(*(event for event in events if event.subject not in cases), last)
        assert await house.rows("SELECT count(*) FROM set_aside") == [(0,)]
        case = (await house.get(f"/api/cases/{GRANTED}", "supervisor-01/supervisor")).json()
        assert case["state"] == "delivered"
        assert len(case["happenings"]) == len(cases[GRANTED].happenings) + 1
        assert len(case["clocks"]) > 1
