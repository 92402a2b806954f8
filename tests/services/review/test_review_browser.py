"""The department's pages in a real browser: accessible, no sideways scroll, from the form to the signature."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest
import uvicorn
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, async_playwright

from services.review.materials import fetch_missing
from tests.services.review import builders as b
from tests.services.review.conftest import Department
from tests.services.review.test_review_materials import intake

EXAMINER = f"何薇/examiner/{b.LEAD}"
HEAD = f"周文/department_head/{b.LEAD}"
WIDTHS = (1280, 390, 320)


@pytest.fixture
async def address(department: Department) -> AsyncIterator[str]:
    """The department's app behind a real socket."""
    server = uvicorn.Server(uvicorn.Config(department.app, port=0, log_level="warning", lifespan="off"))
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


async def story(department: Department) -> None:
    """A desk as on any morning: overdue, due today, running, waiting, a check, a decision."""
    clocks = {
        "1": b.clock("review", "2026-02-26", 3, "2026-03-02"),
        "2": b.clock("review", "2026-02-27", 3, "2026-03-03"),
        "4": b.clock("review", "2026-03-02", 20, "2026-03-30"),
    }
    events = [b.review_requested(case_id=digit * 32, clock=clock) for digit, clock in clocks.items()]
    waiting = b.review_requested(
        case_id="5" * 32, released=False, clock=None, after=["planning", "traffic_police"]
    )
    check = b.check_requested(case_id="6" * 32)
    lead = b.review_requested(case_id="7" * 32)
    due = b.decision_due("7" * 32, [b.summary(outcome="object"), b.summary("planning")])
    await department.hear(*events, waiting, check, lead, due, b.review_requested(), b.review_released())
    await fetch_missing(department.app, intake()[0])


async def look(page: Page, name: str) -> None:
    """No violation at any width, nothing beyond the edge; keeps a picture when asked to."""
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 900})
        sides = await page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert sides[0] <= sides[1], f"{name} scrolls sideways at {width} px"
        if folder := os.environ.get("ONEWINDOW_SCREENSHOTS"):
            await page.screenshot(path=Path(folder) / f"review-{name}-{width}.png", full_page=True)
        if width != 320:
            found = await Axe().run(page)
            assert found.violations_count == 0, f"{name} {width}: {found.generate_report()}"


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_pages_are_accessible_and_fit_every_screen(
    department: Department, address: str, browser: Browser, language: str
) -> None:
    await story(department)
    for who, pages in {
        EXAMINER: {"desk": "", "open": b.CASE, "waiting": "5" * 32, "check": "6" * 32},
        HEAD: {"decision": "7" * 32},
    }.items():
        page = await browser.new_page(extra_http_headers={"x-person": quote(who)})
        for name, case_id in pages.items():
            await page.goto(f"{address}/desk{'/' + case_id if case_id else ''}?lang={language}")
            if name == "open":
                await page.locator("summary").first.click()
            await look(page, f"{name}-{language}")
        await page.close()


async def test_examiner_mends_a_refused_form_and_signs(
    department: Department, address: str, browser: Browser
) -> None:
    await story(department)
    page = await browser.new_page(locale="zh-CN", extra_http_headers={"x-person": quote(EXAMINER)})
    await page.goto(f"{address}/desk")
    await page.locator(f'a[href="/desk/{b.CASE}"]').click()
    await page.locator("#road-old-enough-answer").check()
    await page.locator("#road-old-enough-evidence").fill("竣工验收 2015 年")
    await page.locator("#road-restored-answer-not_met").check()
    await page.locator('input[name="outcome"][value="object"]').check()
    await page.get_by_role("button", name="签名并送出").click()
    await page.locator('.govuk-error-summary a[href="#road-restored-evidence"]').click()
    assert await page.evaluate("document.activeElement.id") == "road-restored-evidence"
    assert await page.locator("#road-old-enough-evidence").input_value() == "竣工验收 2015 年"
    await look(page, "refused-zh")
    await page.locator("#road-restored-evidence").fill("没有恢复期限")
    await page.get_by_role("button", name="签名并送出").click()
    await page.get_by_text("意见已签名并送出").first.wait_for()
    await look(page, "given-zh")
    [said] = await department.said()
    assert said["data"]["outcome"] == "object"
    await page.close()
