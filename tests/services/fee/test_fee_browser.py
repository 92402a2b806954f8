"""Fee's pages in a real browser: accessible, no sideways scroll, and one click from the bill to the receipt."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import uvicorn
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, async_playwright

from libs.references import applicant_ref
from tests.services.fee.conftest import NewBooks
from tests.services.fee.house import FeeDoors, fee_doors
from tests.services.fee.story import START, Story, tariff_published

WIDTHS = (1280, 390, 320)
WIDER = """width => [...document.querySelectorAll("main *")]
    .filter(each => each.getBoundingClientRect().right > width).map(each => each.outerHTML.slice(0, 120))"""
OWNER, FINANCE = "applicant-01/applicant", "finance-01/finance_officer"
REFERENCE = applicant_ref("center", "applicant-01")


@pytest.fixture
async def doors(
    new_books: NewBooks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[FeeDoors]:
    async with fee_doors(await new_books(), tmp_path, monkeypatch, "demonstration") as running:
        await running.hear(tariff_published())
        yield running


@pytest.fixture
async def address(doors: FeeDoors) -> AsyncIterator[str]:
    """The app behind a real socket."""
    server = uvicorn.Server(uvicorn.Config(doors.app, port=0, log_level="warning", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await serving


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Debian's chromium; skipped where none is installed."""
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("no chromium: apt-get install chromium")
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield running
        await running.close()


async def look(page: Page, name: str) -> None:
    """No violation at any width, nothing beyond the edge; keeps a picture when asked to."""
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 900})
        sides = await page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        wide = await page.evaluate(WIDER, width)
        assert sides[0] <= sides[1], f"{name} scrolls sideways at {width} px: {wide}"
        if folder := os.environ.get("ONEWINDOW_SCREENSHOTS"):
            await page.screenshot(path=Path(folder) / f"fee-{name}-{width}.png", full_page=True)
        if width != 320:
            found = await Axe().run(page)
            assert found.violations_count == 0, f"{name} at {width}: {found.generate_report()}"


async def bill(doors: FeeDoors, story: Story) -> str:
    await doors.hear(story.item(), story.accepted(), story.decided())
    doors.clock.at = START + timedelta(minutes=2)
    number: str = (await doors.said(story.case_id))[0]["data"]["bill_no"]
    return number


@pytest.mark.timeout(300)
async def test_a_bill_is_paid_in_a_browser_and_the_books_show_it(
    doors: FeeDoors, address: str, browser: Browser
) -> None:
    first = Story(applicant_ref=REFERENCE)
    number = await bill(doors, first)
    await bill(
        doors,
        Story(
            applicant_ref=REFERENCE, facts={"area_m2": "12.5", "days": 200, "zone": "1", "use": "business"}
        ),
    )
    taken_back = Story(applicant_ref=REFERENCE, timing="on_acceptance")
    await doors.hear(taken_back.item(), taken_back.accepted(), taken_back.withdrawn())
    person = await browser.new_context(extra_http_headers={"x-person": OWNER}, locale="zh-CN")
    page = await person.new_page()
    await page.goto(f"{address}/bills")
    await look(page, "bills")
    await page.get_by_role("link", name=number).click()
    await look(page, "bill-open")
    await page.get_by_role("button").click()
    await page.get_by_text("已收到 10,800.00 元").wait_for()
    await doors.hear(first.recorded((await doors.said(first.case_id))[0]))
    await page.goto(f"{address}/bills/{number}?lang=en")
    await look(page, "bill-paid-en")
    assert await page.locator(".ow-seal").count() == 1
    officer = await browser.new_context(extra_http_headers={"x-person": FINANCE}, locale="zh-CN")
    books = await officer.new_page()
    await books.goto(f"{address}/treasury")
    await look(books, "treasury")
    await books.goto(f"{address}/treasury?lang=en")
    await look(books, "treasury-en")
    assert await books.get_by_text("agree").count() > 0
