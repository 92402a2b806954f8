"""Behind one address: a page's links, forms, redirects and cookies stay below the path its house is shown at."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from libs.pages.doors import page_headers
from libs.pages.prefix import below, html_below


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/cases", "/intake/cases"),
        ("/", "/intake/"),
        ("/intake", "/intake"),
        ("/intake/cases", "/intake/cases"),
        ("/intake?x=1", "/intake?x=1"),
        ("/intakes", "/intake/intakes"),
        ("//evil.example", "//evil.example"),
        ("https://other/x", "https://other/x"),
        ("#main", "#main"),
    ],
)
def test_an_address_of_ours_gets_the_path_once(path: str, seen: str) -> None:
    assert below("/intake", path) == seen
    assert below("", path) == path


def test_links_forms_and_pictures_move_and_text_does_not() -> None:
    page = '<a href="/cases">x</a><form action="/bills/1"><img src="/static/m.svg"><a href="https://o/x">y</a>'
    text = "<p>href=&#34;/cases&#34; said somebody</p>"
    moved = html_below("/fee", page + text)
    assert moved == (
        '<a href="/fee/cases">x</a><form action="/fee/bills/1"><img src="/fee/static/m.svg">'
        f'<a href="https://o/x">y</a>{text}'
    )
    assert html_below("", page) == page


async def test_a_redirect_leads_below_the_path() -> None:
    app = FastAPI()

    @app.get("/go")
    async def go(request: Request) -> RedirectResponse:
        return RedirectResponse("/desk", 303)

    @app.get("/here")
    async def here(request: Request) -> HTMLResponse:
        return HTMLResponse(f"{request.url.path} {request.url_for('go').path}")

    page_headers(app)
    transport = httpx.ASGITransport(app, root_path="/review/fire")
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        # as uvicorn hands it over: the gateway took the path off, the root path is put in front again
        assert (await client.get("/review/fire/go")).headers["location"] == "/review/fire/desk"
        assert (await client.get("/review/fire/here")).text == "/review/fire/here /review/fire/go"
