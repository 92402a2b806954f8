"""Proves what the wall shows to everybody, what only supervisors see, and that a browser finds nothing wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from libs.identity import Person
from services.supervision import app as app_room
from services.supervision.domain.case_file import CaseFile, Happening
from services.supervision.pages.case import _lanes
from services.supervision.pages.wall import share_used
from services.supervision.storage import (
    CARDS,
    CASE_FILES,
    CLOCKS,
    FINDINGS,
    HAPPENINGS,
    ClockRecord,
    ClockRow,
)
from services.supervision.storage.wall import RunningClock
from tests.browser.kit.looking import complaints, open_browser
from tests.conftest import NewDatabase

NOW = datetime(2026, 3, 18, 2, tzinfo=UTC)
CASE = "c" * 32
PEOPLE = {
    "supervisor-01": Person("supervisor-01", "supervisor-01", frozenset({"supervisor"})),
    "applicant-01": Person("applicant-01", "applicant-01", frozenset({"applicant"})),
}


@dataclass
class Standing:
    """A clock that stands still."""

    rate: float = 600.0

    def now(self) -> datetime:
        """The business instant."""
        return NOW


class Named:
    """Whoever the header X-Person names."""

    async def from_request(self, request: Request) -> Person | None:
        """The person of a test request."""
        return PEOPLE.get(request.headers.get("x-person", ""))


def clock(number: int, agency: str, used: float, *, stopped_late: bool | None = None) -> ClockRecord:
    """A review clock of ten days of which a share is used; stopped a month ago when told so."""
    length = timedelta(days=10)
    started = NOW - length * used - (timedelta(days=30) if stopped_late is not None else timedelta())
    ended = started + length * (1.1 if stopped_late else 0.5) if stopped_late is not None else None
    return ClockRecord(
        clock_id=f"{CASE if number == 0 else f'{number:032x}'}/review/{agency}",
        case_id=CASE if number == 0 else f"{number:032x}",
        application_no=f"AL-2026-{number + 1:06d}", item_code="tree-felling", kind="review", agency=agency,
        starts_on=started.date(), limit_wd=10, due_on=(started + length).date(), provisional=False,
        yellow_at=started + length * 0.9, red_at=started + length, started_at=started, stopped_at=ended,
        in_time=None if stopped_late is None else not stopped_late,
    )  # fmt: skip


def case_file() -> CaseFile:
    """The file of the first case."""
    types = ("intake.application_received.v1", "intake.application_accepted.v1", "intake.review_requested.v1")
    happened = [
        Happening(type=name, source="intake", id=str(number), at=NOW - timedelta(days=12 - number),
                  department="landscape" if "review" in name else None)
        for number, name in enumerate(types)
    ]  # fmt: skip
    return CaseFile(
        case_id=CASE, application_no="AL-2026-000001", item_code="tree-felling", item_version=1, state="accepted",
    ).with_happenings(happened)  # fmt: skip


def issued(colour: str) -> dict[str, Any]:
    """A card of the first case."""
    return {
        "card_no": f"C-2026-{colour}", "case_id": CASE, "application_no": "AL-2026-000001",
        "item_code": "tree-felling", "clock_id": f"{CASE}/review/landscape", "clock_kind": "review",
        "agency": "landscape", "colour": colour, "crossed_at": NOW - timedelta(days=1), "due_on": date(2026, 3, 17),
        "used_wd": 10, "limit_wd": 10, "rule": "AL 26(2)", "issued_at": NOW,
    }  # fmt: skip


FINDING = {
    "finding_no": "F-2026-000001", "case_id": CASE, "application_no": "AL-2026-000001",
    "item_code": "tree-felling", "rule": "AL 59", "expected": "1000 fen", "found": "<b>1200 fen",
    "about_source": "fee", "about_id": "1", "about_type": "fee.charge_assessed.v1", "issued_at": NOW,
}  # fmt: skip


@pytest.fixture
async def empty(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    """Supervision on a fresh database, without a broker."""
    database = await new_database("supervision")
    monkeypatch.setenv("ONEWINDOW_DATABASE_URL", database.app)
    app = app_room.create_app()
    app.state.clock = Standing()
    app.state.person_finder = Named()
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://supervision") as client:
        client.app = app  # type: ignore[attr-defined]
        yield client
    await app.state.engine.dispose()


@pytest.fixture
async def watched(empty: httpx.AsyncClient) -> httpx.AsyncClient:
    """Forty clocks of three departments, one overdue, two past nine tenths; cards, a finding, two months."""
    clocks = [clock(0, "landscape", 1.1), clock(1, "fire", 0.93), clock(2, "fire", 0.95)]
    clocks += [clock(3 + n, ("fire", "water", "intake")[n % 3], 0.02 * n) for n in range(30)]
    clocks += [clock(50 + n, "water", 0.4 + n, stopped_late=n == 0) for n in range(7)]
    async with empty.app.state.engine.begin() as connection:  # type: ignore[attr-defined]
        for statement in [*CLOCKS.writing(clocks, []), *CASE_FILES.writing([case_file()], [])]:
            await connection.exec_driver_sql(statement.sql, statement.values)
        happened = [{**asdict(each), "case_id": CASE, "data": "{}"} for each in case_file().happenings]
        await connection.execute(HAPPENINGS.insert(), happened)
        await connection.execute(CARDS.insert(), [issued("yellow"), issued("red")])
        await connection.execute(FINDINGS.insert(), [FINDING])
    return empty


async def page(client: httpx.AsyncClient, path: str, *, person: str | None = None, status: int = 200) -> str:
    """A page's text in English."""
    headers = {"accept": "text/html"} | ({"x-person": person} if person else {})
    told = await client.get(f"{path}?lang=en", headers=headers)
    assert told.status_code == status, told.text
    text: str = told.text
    return text


async def test_wall_without_a_clock_says_so(empty: httpx.AsyncClient) -> None:
    assert "No limit is running now" in await page(empty, "/")


async def test_wall_shows_everybody_figures_and_no_case(watched: httpx.AsyncClient) -> None:
    text = await page(watched, "/")
    for said in ("1 overdue", "2 past 90%", "Fire and rescue", "The window"):
        assert said in text
    assert "AL-2026-" not in text
    assert CASE not in text


async def test_wall_draws_one_stroke_per_running_clock(watched: httpx.AsyncClient) -> None:
    text = await page(watched, "/")
    strokes = (
        text.count('class="s-acc s-thin"') + text.count('stroke-width="3"') + text.count('class="s-red"')
    )
    assert strokes == 33


async def test_wall_shows_supervisors_what_wants_their_eye(watched: httpx.AsyncClient) -> None:
    text = await page(watched, "/", person="supervisor-01")
    assert "AL-2026-000001" in text
    assert "&lt;b&gt;1200 fen" in text


async def test_cases_and_cards_are_for_supervisors_only(watched: httpx.AsyncClient) -> None:
    for path in (f"/cases/{CASE}", "/cards"):
        told = await watched.get(path, headers={"accept": "text/html"})
        assert told.status_code == 303, "the public is asked to log in"
        assert "not_your_function" in await page(watched, path, person="applicant-01", status=403)
    assert "not_found" in await page(watched, "/cases/unknown", person="supervisor-01", status=404)


async def test_case_page_shows_chain_clocks_cards_and_findings(watched: httpx.AsyncClient) -> None:
    text = await page(watched, f"/cases/{CASE}", person="supervisor-01")
    for said in (
        "Sent to the department",
        "Department&#39;s review",
        "overdue",
        "C-2026-red",
        "F-2026-000001",
    ):
        assert said in text


def test_silent_check_is_drawn_as_done_and_not_as_late() -> None:
    row = replace(clock(0, "fire", 1.5), kind="check")
    (drawn,) = _lanes([ClockRow.model_validate(asdict(row))], [], NOW.date())
    assert (drawn["state"], drawn["silent"]) == ("done", True)
    assert [bar.kind for bar in drawn["lane"].bars] == ["acc"]


async def test_figures_as_csv_hold_what_the_table_holds(watched: httpx.AsyncClient) -> None:
    told = (await watched.get("/figures.csv")).text.removeprefix("\ufeff").splitlines()
    assert told[0].startswith("agency,running")
    assert "landscape,1,0,1,0,0,1,1," in told


@pytest.mark.parametrize(
    ("used", "least", "most"),
    [(0.0, 0, 0.01), (0.5, 0.4, 0.6), (0.9, 0.9, 0.9), (0.95, 0.94, 0.96), (1.2, 1.01, 1.3)],
)
def test_stroke_stands_where_the_clock_is_crossed(used: float, least: float, most: float) -> None:
    record = clock(0, "fire", used)
    assert least <= share_used(RunningClock.model_validate(asdict(record)), NOW) <= most


@pytest.mark.timeout(900)
async def test_pages_of_supervision_are_accessible_in_both_languages(watched: httpx.AsyncClient) -> None:
    paths = {"wall": "/", "cards": "/cards", "case": f"/cases/{CASE}"}
    async with open_browser() as browser:
        found = [
            each
            for name, path in paths.items()
            for each in await complaints(
                browser, watched, path, person="supervisor-01", name=f"supervision-{name}"
            )
        ]
    assert found == []
