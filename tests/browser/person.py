"""A person in front of a browser without scripts: logs in by the provider's page, reads, clicks, downloads."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, Route

from deploy.launcher.people import PASSWORD
from tests.browser.kit.looking import WIDER

PHONE, DESK = 390, 1280


class BrowsingPerson:
    """One browser context; its page keeps scripts off, since every page must work without them."""

    def __init__(self, context: BrowserContext, page: Page, issuer: str, name: str | None) -> None:
        self.page = page
        self._context = context
        self._issuer = issuer
        self._name = name

    @classmethod
    async def at(cls, browser: Browser, issuer: str, name: str | None = None) -> BrowsingPerson:
        """A fresh person; ``name`` is the login, None is the public."""
        context = await browser.new_context(
            locale="zh-CN", java_script_enabled=False, viewport={"width": DESK, "height": 900}
        )
        await context.route(lambda url: urlsplit(url).hostname != "127.0.0.1", _offline)
        context.set_default_timeout(30_000)
        return cls(context, await context.new_page(), issuer, name)

    async def close(self) -> None:
        """Close the browser context."""
        await self._context.close()

    async def go(self, url: str) -> None:
        """Open an address; log in if the provider asks."""
        await self.page.goto(url)
        await self.logged_in()

    async def click(self, text: str, *, exact: bool = False) -> None:
        """Follow the first link of this text; log in if the house behind it asks."""
        await self.page.get_by_role("link", name=text, exact=exact).first.click()
        await self.logged_in()

    async def press(self, text: str) -> None:
        """Press the button of this text."""
        await self.page.get_by_role("button", name=text).first.click()

    async def logged_in(self) -> None:
        """Fill the provider's own page, when that is where we are."""
        if not self.page.url.startswith(self._issuer):
            return
        assert self._name, f"{self.page.url}: the public was asked to log in"
        await self.page.fill("input[name=username]", self._name)
        await self.page.fill("input[name=password]", PASSWORD)
        await self.page.click("button[type=submit]")
        assert not self.page.url.startswith(self._issuer), "the provider refused the password"

    async def text(self) -> str:
        """What the page says in <main>."""
        return await self.page.inner_text("main")

    async def download(self, text: str, to: Path) -> Path:
        """Follow a link that downloads; the file."""
        async with self.page.expect_download() as started:
            await self.page.get_by_role("link", name=text).first.click()
        await (await started.value).save_as(to)
        return to

    async def look(self, name: str) -> None:
        """Nothing sideways at 390 px, no violation found by axe; keeps pictures when asked to.

        axe is a script: it reads the same document in a second, narrow page that allows scripts.
        """
        if folder := os.environ.get("ONEWINDOW_SCREENSHOTS"):
            await self._picture(Path(folder), name)
        browser = self._context.browser
        assert browser is not None
        reader = await browser.new_page(viewport={"width": PHONE, "height": 900})
        address, document = self.page.url.partition("#")[0], await self.page.content()
        await reader.route(address, lambda route: route.fulfill(content_type="text/html", body=document))
        await reader.goto(address)
        wide = await reader.evaluate("document.documentElement.scrollWidth")
        assert wide <= PHONE, f"{name}: {wide} px: {await reader.evaluate(WIDER, PHONE)}"
        found = await Axe().run(reader)
        assert found.violations_count == 0, f"{name}: {found.generate_report()}"
        await reader.close()

    async def _picture(self, folder: Path, name: str) -> None:
        for width in (PHONE, DESK):
            await self.page.set_viewport_size({"width": width, "height": 900})
            await self.page.screenshot(path=folder / f"{name}-{width}.png", full_page=True)


async def _offline(route: Route) -> None:
    await route.abort()
