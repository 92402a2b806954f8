"""Looks at a service's pages with a real browser while the service runs inside the test, without a port."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Route, async_playwright

CHROMIUM_ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--no-default-browser-check",
]  # fmt: skip
VIEWS = ((1280, "zh"), (390, "en"))
NARROWEST = 320
WIDER = """width => [...document.querySelectorAll('body *')]
    .filter(each => each.getBoundingClientRect().right > width + 0.1 && !each.closest('.ow-scroll, .ow-nav'))
    .slice(-3).map(each => each.outerHTML.slice(0, 120))"""


@contextlib.asynccontextmanager
async def open_browser() -> AsyncIterator[Browser]:
    """Debian's chromium; skips where none is installed."""
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("no chromium: apt-get install chromium")
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGS)
        try:
            yield running
        finally:
            await running.close()


async def complaints(
    browser: Browser, client: httpx.AsyncClient, path: str, *, person: str | None = None, name: str = ""
) -> list[str]:
    """What axe finds at both widths, one in each language, and whether 320 px scroll sideways."""
    found: list[str] = []
    headers = {"x-person": person} if person else {}

    async def answer(route: Route) -> None:
        wanted = route.request.url.removeprefix(str(client.base_url).rstrip("/"))
        told = await client.get(wanted, headers={**headers, "accept": "text/html,*/*"})
        await route.fulfill(status=told.status_code, headers=dict(told.headers), body=told.content)

    for width, language in VIEWS:
        page = await browser.new_page(viewport={"width": width, "height": 900})
        await page.route("**/*", answer)
        page.on("console", lambda message: found.append(f"{path}: {message.text}"))
        joint = "&" if "?" in path else "?"
        await page.goto(f"{client.base_url}{path}{joint}lang={language}".replace("//?", "/?"))
        result = await Axe().run(page)
        if result.violations_count:
            found.append(f"{path} {width} {language}: {result.generate_report()}")
        if folder := os.environ.get("ONEWINDOW_SCREENSHOTS"):
            await page.screenshot(path=Path(folder) / f"{name}-{language}-{width}.png", full_page=True)
        if width < NARROWEST * 2:
            await page.set_viewport_size({"width": NARROWEST, "height": 800})
            wide = await page.evaluate("document.documentElement.scrollWidth")
            if wide > NARROWEST:
                culprits = await page.evaluate(WIDER, NARROWEST)
                found.append(f"{path} {language}: {wide} px wide on a screen of {NARROWEST}: {culprits}")
        await page.close()
    return found
