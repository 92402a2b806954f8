"""Proves that every part of the kit is accessible, fits every screen and needs no script or inline style."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

LANGUAGES = ["zh", "en"]


@pytest.mark.parametrize("path", ["/", "/plain", "/problem"])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [1280, 390])
def test_kit_has_no_accessibility_violations(
    browser: Browser, gallery: str, width: int, language: str, path: str
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(f"{gallery}{path}?lang={language}")
    found = Axe().run(page)
    if folder := os.environ.get("ONEWINDOW_SCREENSHOTS"):
        name = f"kit{path.replace('/', '-')}-{language}-{width}.png"
        page.screenshot(path=Path(folder) / name, full_page=True)
    page.close()
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("language", LANGUAGES)
def test_kit_does_not_scroll_sideways_at_320_px(browser: Browser, gallery: str, language: str) -> None:
    page = browser.new_page(viewport={"width": 320, "height": 800})
    page.goto(f"{gallery}/?lang={language}")
    widths = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    page.close()
    assert widths[0] <= widths[1]


def test_kit_keeps_its_own_content_security_policy(browser: Browser, gallery: str) -> None:
    page = browser.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("requestfailed", lambda request: complaints.append(f"{request.url} {request.failure}"))
    page.on("response", lambda answer: complaints.append(answer.url) if answer.status >= 400 else None)
    page.goto(f"{gallery}/")
    styles = page.evaluate("document.querySelectorAll('[style], script, style').length")
    page.close()
    assert complaints == []
    assert styles == 0


def test_language_switch_keeps_the_address(browser: Browser, gallery: str) -> None:
    page = browser.new_page(locale="zh-CN")
    page.goto(f"{gallery}/plain?q=a%26b&page=2")
    assert page.get_attribute("html", "lang") == "zh-CN"
    page.click("text=English")
    assert page.get_attribute("html", "lang") == "en"
    assert page.url == f"{gallery}/plain?q=a%26b&page=2&lang=en"
    page.goto(f"{gallery}/")
    assert page.get_attribute("html", "lang") == "en", "the choice is remembered"
    page.close()


def test_focus_is_visible_on_every_kind_of_control(browser: Browser, gallery: str) -> None:
    page = browser.new_page()
    page.goto(f"{gallery}/")
    for selector in (".ow-lang", "#area_m2", ".govuk-button", "#c1-answer"):
        page.locator(selector).first.focus()
        page.keyboard.press("Shift")
        if selector == "#c1-answer":
            continue  # a radio shows its ring on its label's circle
        outline = page.locator(selector).first.evaluate("e => getComputedStyle(e).outlineStyle")
        assert outline == "solid", selector
    page.close()
