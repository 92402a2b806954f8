"""The letters' door and pages, as every service has them: who may, what it tells, and a browser finds nothing wrong."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from libs import inbox
from libs.consumer import Consumers
from libs.deeds import Deed
from libs.identity import Person
from libs.refusals import Park
from libs.work import Work
from services.supervision import app as app_room
from services.supervision.consumers import consumers as ears
from tests.browser.kit.looking import complaints, open_browser
from tests.conftest import NewDatabase
from tests.libs.toys import HEARD, LINES, Said, event

PEOPLE = {
    name: Person(name, name, frozenset({role}))
    for name, role in (
        ("administrator-01", "system_administrator"), ("auditor-01", "auditor"), ("supervisor-01", "supervisor"),
    )
}  # fmt: skip


class Named:
    """Whoever the header X-Person names."""

    async def from_request(self, request: Request) -> Person | None:
        """The person of a test request."""
        return PEOPLE.get(request.headers.get("x-person", ""))


class Bugs:
    """A hearer that fails as it is told, in place of the service's own."""

    def __init__(self) -> None:
        self.failing = True
        self.consumers = Consumers()

        @self.consumers.on(HEARD, Said)
        async def on_delivered(work: Work, heard: Any, data: Said) -> None:
            if data.n == 15:
                raise Park("a predecessor")
            if self.failing and data.n == 14:
                work.add(LINES, line="there is no such table here")
            elif self.failing:
                raise ValueError(f"<b>bug</b> {data.n}")


@pytest.fixture
def bugs(monkeypatch: pytest.MonkeyPatch) -> Bugs:
    found = Bugs()
    monkeypatch.setattr(ears, "handlers", found.consumers.handlers)
    return found


@pytest.fixture
async def door(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch, bugs: Bugs
) -> AsyncIterator[httpx.AsyncClient]:
    """Supervision on a fresh database, without a broker, its commits running."""
    database = await new_database("supervision")
    monkeypatch.setenv("ONEWINDOW_DATABASE_URL", database.app)
    app = app_room.create_app()
    app.state.person_finder = Named()
    running = asyncio.create_task(app.state.commits.run())
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://supervision") as client:
        client.app = app  # type: ignore[attr-defined]
        yield client
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await app.state.engine.dispose()


async def set_aside(door: httpx.AsyncClient, *numbers: int) -> None:
    """Let the service hear events it fails on (15: parks)."""
    commits = door.app.state.commits  # type: ignore[attr-defined]
    for number in numbers:
        heard = event(f"case-{number}", number)

        async def run(work: Work, heard: Any = heard) -> None:
            await ears.dispatch(work, heard)

        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        await commits.submit(Deed("hear", run, done, event=heard))


async def keep_junk(door: httpx.AsyncClient) -> None:
    async def keep(work: Work) -> None:
        await inbox.set_aside(await work.shared.sql(), inbox.unreadable("<script>junk", "no JSON"))

    await door.app.state.commits.do("keep", keep)  # type: ignore[attr-defined]


async def get(door: httpx.AsyncClient, path: str, person: str = "administrator-01") -> httpx.Response:
    return await door.get(path, headers={"x-person": person})


async def post(
    door: httpx.AsyncClient, path: str, body: Any = None, person: str = "administrator-01", key: str = ""
) -> httpx.Response:
    headers = {"x-person": person, "idempotency-key": key or uuid.uuid4().hex}
    return await door.post(path, json=body or {}, headers=headers)


async def page(door: httpx.AsyncClient, path: str, person: str = "administrator-01", lang: str = "en") -> str:
    joint = "&" if "?" in path else "?"
    headers = {"accept": "text/html", "x-person": person}
    told = await door.get(f"{path}{joint}lang={lang}", headers=headers)
    assert told.status_code == 200, told.text
    return told.text


async def send(door: httpx.AsyncClient, path: str, key: str = "", **fields: str) -> httpx.Response:
    """Send a form of our own pages."""
    headers = {"accept": "text/html", "x-person": "administrator-01", "origin": "http://supervision"}
    return await door.post(path, data={"client_key": key or uuid.uuid4().hex, **fields}, headers=headers)


async def test_a_letter_is_listed_shown_and_replayed_with_its_author(
    door: httpx.AsyncClient, bugs: Bugs
) -> None:
    await set_aside(door, 1, 2, 15)
    told = (await get(door, "/api/letters")).json()
    assert (told["total"], told["figures"]["set_aside"], told["figures"]["parked"]) == (2, 2, 1)
    assert [row["subject"] for row in told["letters"]] == ["case-2", "case-1"]
    failed = (await post(door, "/api/letters/1/replay")).json()
    assert (failed["outcome"], failed["reason"]) == ("failed", "ValueError: <b>bug</b> 1")
    bugs.failing = False
    first = await post(door, "/api/letters/1/replay", key="the-same-key")
    assert first.json()["outcome"] == "handled"
    assert (await post(door, "/api/letters/1/replay", key="the-same-key")).content == first.content
    assert (await post(door, "/api/letters/1/replay")).json()["outcome"] == "settled"
    letter = (await get(door, "/api/letters/1", "auditor-01")).json()
    assert [(each["actor"], each["outcome"]) for each in letter["replays"]] == [
        ("administrator-01", "handled"), ("administrator-01", "failed"),
    ]  # fmt: skip
    assert json.loads(letter["body"])["subject"] == "case-1"
    assert letter["attempts"] == 3
    assert (await get(door, "/api/letters?state=settled")).json()["total"] == 1


async def test_an_effect_the_database_refuses_is_a_failed_try_and_not_an_error(
    door: httpx.AsyncClient, bugs: Bugs
) -> None:
    await set_aside(door, 14)
    told = await post(door, "/api/letters/1/replay", key="the-same-key")
    assert (told.status_code, told.json()["outcome"]) == (200, "failed")
    assert (await post(door, "/api/letters/1/replay", key="the-same-key")).content == told.content
    letter = (await get(door, "/api/letters/1")).json()
    assert (letter["settled_at"], letter["attempts"], len(letter["replays"])) == (None, 2, 1)


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/api/letters/9/replay", {}, 404, "not_found"),
        ("/api/letters/0/replay", {}, 422, "invalid_request"),
        (f"/api/letters/{2**63}/replay", {}, 422, "invalid_request"),
        ("/api/letters/1/closing", {"note": "x"}, 409, "letter_hearable"),
        ("/api/letters/2/replay", {}, 409, "letter_unreadable"),
        ("/api/letters/2/closing", {"note": ""}, 422, "invalid_request"),
        ("/api/letters/2/closing", {"note": "x", "body": "other"}, 422, "invalid_request"),
        ("/api/outbox/resend", {"ids": []}, 422, "invalid_request"),
        ("/api/outbox/resend", {"ids": ["x"] * 501}, 422, "invalid_request"),
        ("/api/outbox/resend", {"ids": ["x"], "body": "{}"}, 422, "invalid_request"),
    ],
)
async def test_bad_input_is_refused_with_a_stable_code(
    door: httpx.AsyncClient, path: str, body: Any, status: int, code: str
) -> None:
    await set_aside(door, 1)
    await keep_junk(door)
    told = await post(door, path, body)
    assert (told.status_code, told.json()["code"]) == (status, code)


async def test_only_the_system_administrator_acts_and_the_auditor_reads(door: httpx.AsyncClient) -> None:
    await set_aside(door, 1)
    for person, reads, acts in (
        ("administrator-01", 200, 200), ("auditor-01", 200, 403), ("supervisor-01", 403, 403), ("", 401, 401),
    ):  # fmt: skip
        assert (await get(door, "/api/letters", person)).status_code == reads
        assert (await get(door, "/api/letters/1", person)).status_code == reads
        assert (await post(door, "/api/letters/1/replay", person=person)).status_code == acts
        assert (await post(door, "/api/outbox/resend", {"ids": ["x"]}, person)).status_code == acts
    assert "/letters/1/replay" in await page(door, "/letters/1")
    assert "/letters/1/replay" not in await page(door, "/letters/1", "auditor-01")


async def test_pages_hear_one_and_all_again_and_close_what_is_no_event(
    door: httpx.AsyncClient, bugs: Bugs
) -> None:
    assert "Nothing is set aside" in await page(door, "/letters")
    await set_aside(door, *range(20, 45))
    await keep_junk(door)
    text = await page(door, "/letters")
    assert "26 open letters" in text
    assert text.count('<a href="/letters/') == 20
    assert 'href="/letters?state=open&amp;page=2"' in text
    assert "&lt;b&gt;bug" in text
    assert (await page(door, "/letters?page=2")).count("Letter ") >= 6

    told = await send(door, "/letters/26/closing", note=" ")
    assert told.status_code == 422
    assert "&lt;script&gt;junk" in told.text
    assert (await send(door, "/letters/26/closing", note="a probe")).headers["location"] == "/letters/26"
    assert "a probe" in await page(door, "/letters/26")

    assert (await send(door, "/letters/25/replay")).headers["location"] == "/letters/25"
    assert "Failed again" in await page(door, "/letters/25")
    bugs.failing = False
    asked = await page(door, "/letters/replay")
    assert "25 letters will be heard again" in asked
    (up_to,) = re.findall(r'name="up_to" value="(\d+)"', asked)
    await set_aside(door, 15)
    told = await send(door, "/letters/replay", up_to=up_to)
    assert told.headers["location"] == "/letters?heard=25&failed=0"
    assert "25 settled" in await page(door, told.headers["location"])
    assert "没有搁置的事件" in await page(door, "/letters", lang="zh")
    assert "There is nothing to hear again" in await page(door, "/letters/replay")
    assert "26 settled letters" in await page(door, "/letters?state=settled")
    assert (await send(door, "/letters/replay", up_to="all")).status_code == 422


async def test_a_form_sent_twice_hears_each_letter_once(door: httpx.AsyncClient) -> None:
    await set_aside(door, 1, 2)
    told = await asyncio.gather(
        *(send(door, "/letters/replay", "twice-pressed", up_to="9") for _ in range(2))
    )
    assert {each.headers["location"] for each in told} == {"/letters?heard=0&failed=2"}
    for number in (1, 2):
        assert (await get(door, f"/api/letters/{number}")).json()["attempts"] == 2


@pytest.mark.timeout(900)
async def test_pages_of_letters_are_accessible_in_both_languages(door: httpx.AsyncClient) -> None:
    empty = {"letters-empty": "/letters"}
    full = {"letters": "/letters", "letter": "/letters/1", "junk": "/letters/22"}
    async with open_browser() as browser:
        found = []
        for paths in (empty, full):
            for name, path in paths.items():
                found += await complaints(browser, door, path, person="administrator-01", name=name)
            if paths is empty:
                await set_aside(door, *range(30, 51), 15)
                await keep_junk(door)
                await post(door, "/api/letters/1/replay")
    assert found == []
