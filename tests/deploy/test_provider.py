"""The development provider and our side of OpenID Connect, over real HTTP."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from deploy.launcher.people import PASSWORD, Department, people
from deploy.launcher.provider import AUDIENCE, Provider, provider
from libs.identity import InvalidToken, Person, PersonFinder, TokenVerifier, login_router
from libs.refusals import Refusal
from libs.settings import ServiceSettings

HOUSE = "http://fee.test"


@pytest.fixture(scope="module")
def idp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    everybody = people([Department("fire", "消防救援", "Fire and rescue")])
    with provider(tmp_path_factory.mktemp("idp"), everybody, {"fee": HOUSE}) as running:
        yield running


@pytest.fixture
def settings(idp: Provider) -> ServiceSettings:
    return ServiceSettings(
        oidc_issuer=idp.issuer, oidc_audience=AUDIENCE, oidc_client_id="fee", oidc_client_secret=idp.secrets["fee"],
        session_secret="test " * 8, oidc_department_claim="attributes.department", oidc_name_claim="attributes.name",
    )  # fmt: skip


@pytest.fixture
async def browser(settings: ServiceSettings) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in front of a service that says who it is talking to."""
    app = FastAPI()
    finder = PersonFinder(settings)
    app.include_router(login_router(settings))

    @app.exception_handler(Refusal)
    async def refused(request: Request, reason: Refusal) -> JSONResponse:
        return JSONResponse(reason.problem(), reason.status)

    @app.get("/who")
    async def who(request: Request) -> dict[str, object]:
        person = await finder.from_request(request)
        return {"sub": person.sub, "roles": sorted(person.roles), "department": person.department,
                "name": person.name} if person else {"sub": None}  # fmt: skip

    async with httpx.AsyncClient(transport=_Both(app), base_url=HOUSE, follow_redirects=False) as client:
        yield client


class _Both(httpx.AsyncBaseTransport):
    """Our host answers in process, the provider over the network."""

    def __init__(self, app: FastAPI) -> None:
        self._ours = httpx.ASGITransport(app)
        self._network = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        ours = request.url.host == "fee.test"
        return await (self._ours if ours else self._network).handle_async_request(request)


async def _token(idp: Provider, person: str) -> dict[str, str]:
    async with httpx.AsyncClient() as client:
        answer = await client.post(
            f"{idp.issuer}/token", auth=idp.driver_client,
            data={"grant_type": "password", "username": person, "password": PASSWORD, "scope": "openid profile"},
        )  # fmt: skip
        assert answer.status_code == 200, answer.text
        found: dict[str, str] = answer.json()
        return found


async def test_token_by_password_names_the_person(idp: Provider, browser: httpx.AsyncClient) -> None:
    token = await _token(idp, "fire-head")
    answer = await browser.get("/who", headers={"Authorization": f"Bearer {token['access_token']}"})
    assert answer.json() == {
        "sub": "fire-head", "roles": ["department_head"], "department": "fire", "name": "消防救援 负责人",
    }  # fmt: skip


async def test_id_and_refresh_tokens_open_nothing(idp: Provider, settings: ServiceSettings) -> None:
    token = await _token(idp, "applicant-01")
    verifier = TokenVerifier(idp.issuer, AUDIENCE)
    assert (await verifier.verify(token["access_token"]))["sub"] == "applicant-01"
    for kind in ("id_token", "refresh_token"):
        if kind in token:
            with pytest.raises(InvalidToken):
                await verifier.verify(token[kind])
    with pytest.raises(InvalidToken):  # not even where the audience would fit
        await TokenVerifier(idp.issuer, "driver").verify(token["id_token"])
    with pytest.raises(InvalidToken):
        await TokenVerifier(idp.issuer, "somebody-else").verify(token["access_token"])


async def _submit(browser: httpx.AsyncClient, page: httpx.Response, **fields: str) -> httpx.Response:
    """Fill in the provider's login form."""
    form = {**dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page.text)), **fields}
    action = re.search(r'<form[^>]*action="([^"]+)"', page.text)
    target = page.url.join(action.group(1).replace("&amp;", "&")) if action else page.url
    return await browser.post(target, data=form)


async def _log_in(browser: httpx.AsyncClient, person: str, path: str = "/bills") -> httpx.Response:
    answer = await browser.get(f"/login?next={path}")
    assert answer.status_code == 302
    assert "code_challenge_method=S256" in answer.headers["location"]
    page = await browser.get(answer.headers["location"])
    while page.status_code in (302, 303) and "fee.test" not in page.headers["location"]:
        page = await browser.get(page.url.join(page.headers["location"]))
    if page.status_code == 200:
        page = await _submit(browser, page, username=person, password=PASSWORD)
    while page.status_code in (302, 303) and "fee.test/login/callback" not in page.headers["location"]:
        page = await browser.get(page.url.join(page.headers["location"]))
    return page


async def test_login_with_code_and_pkce_sets_a_session(browser: httpx.AsyncClient) -> None:
    page = await _log_in(browser, "applicant-01")
    back = await browser.get(page.headers["location"])
    assert back.status_code == 303, back.text
    assert back.headers["location"] == "/bills"
    cookie = next(c for c in back.headers.get_list("set-cookie") if c.startswith("onewindow_fee="))
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    assert (await browser.get("/who")).json()["sub"] == "applicant-01"
    gone = await browser.get("/logout")
    assert gone.status_code == 303
    assert gone.headers["location"].startswith("http")
    assert (await browser.get("/who")).json()["sub"] is None


async def test_callback_without_own_login_is_refused(browser: httpx.AsyncClient) -> None:
    page = await _log_in(browser, "applicant-02")
    browser.cookies.clear()  # somebody else's browser is sent our link
    back = await browser.get(page.headers["location"])
    assert back.status_code == 400
    assert back.json()["code"] == "login_failed"
    assert (await browser.get("/who")).json()["sub"] is None


@pytest.mark.parametrize(
    "path", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x"]
)
async def test_login_never_leads_to_another_site(browser: httpx.AsyncClient, path: str) -> None:
    page = await _log_in(browser, "applicant-03", path)
    back = await browser.get(page.headers["location"])
    assert back.headers["location"] == "/"


async def test_forged_cookie_and_bad_token_are_nobody(browser: httpx.AsyncClient) -> None:
    browser.cookies.set("onewindow_fee", "eyJzdWIiOiJlZGl0b3ItMDEifQ.x.y")
    assert (await browser.get("/who")).json()["sub"] is None
    answer = await browser.get("/who", headers={"Authorization": "Bearer nonsense"})
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")


def test_person_may_only_what_the_roles_say() -> None:
    person = Person("x", "X", frozenset({"examiner"}), "fire")
    assert person.may("examiner")
    assert not person.may("department_head")
