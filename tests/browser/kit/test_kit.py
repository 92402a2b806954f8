"""Proves that every part of the kit is accessible, fits every screen and needs no script or inline style."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser

LANGUAGES = ["zh", "en"]


@pytest.mark.parametrize("path", ["/", "/plain", "/problem"])
@pytest.mark.parametrize("language", LANGUAGES)
async def test_kit_has_no_accessibility_violations(
    browser: Browser, gallery: str, language: str, path: str
) -> None:
    for width in (1280, 390):
        page = await browser.new_page(viewport={"width": width, "height": 900})
        await page.goto(f"{gallery}{path}?lang={language}")
        found = await Axe().run(page)
        if folder := os.environ.get("ONEWINDOW_SCREENSHOTS"):
            name = f"kit{path.replace('/', '-')}-{language}-{width}.png"
            await page.screenshot(path=Path(folder) / name, full_page=True)
        await page.close()
        assert found.violations_count == 0, f"{width} px: {found.generate_report()}"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_kit_does_not_scroll_sideways_at_320_px(browser: Browser, gallery: str, language: str) -> None:
    page = await browser.new_page(viewport={"width": 320, "height": 800})
    await page.goto(f"{gallery}/?lang={language}")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320


async def test_kit_keeps_its_own_content_security_policy(browser: Browser, gallery: str) -> None:
    page = await browser.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("requestfailed", lambda request: complaints.append(f"{request.url} {request.failure}"))
    page.on("response", lambda answer: complaints.append(answer.url) if answer.status >= 400 else None)
    await page.goto(f"{gallery}/")
    styles = await page.evaluate("document.querySelectorAll('[style], script, style').length")
    assert complaints == []
    assert styles == 0


async def test_language_switch_keeps_the_address(browser: Browser, gallery: str) -> None:
    page = await browser.new_page(locale="zh-CN")
    await page.goto(f"{gallery}/plain?q=a%26b&page=2")
    assert await page.get_attribute("html", "lang") == "zh-CN"
    await page.click("text=English")
    assert await page.get_attribute("html", "lang") == "en"
    assert page.url == f"{gallery}/plain?q=a%26b&page=2&lang=en"
    await page.goto(f"{gallery}/")
    assert await page.get_attribute("html", "lang") == "en", "the choice is remembered"


async def test_focus_is_visible_on_every_kind_of_control(browser: Browser, gallery: str) -> None:
    page = await browser.new_page()
    await page.goto(f"{gallery}/")
    for selector in (".ow-lang", "#area_m2", ".govuk-button"):
        await page.locator(selector).first.focus()
        await page.keyboard.press("Shift")
        outline = await page.locator(selector).first.evaluate("e => getComputedStyle(e).outlineStyle")
        assert outline == "solid", selector
