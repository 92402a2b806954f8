"""A person with a browser at the gateway: logs in at the provider, comes back, follows links; no script, no token."""

from __future__ import annotations

import re

import httpx

from deploy.compose.project import Project
from deploy.launcher.people import PASSWORD
from deploy.launcher.story.cast import Loopback

HOPS = 10
_LINK = re.compile(r'\b(?:href|action|src)="([^"#]+)"')


class PageFailed(Exception):
    """A page behind the gateway was not what a person needs."""


async def visit(project: Project, person: str, path: str) -> int:
    """Log in as ``person`` on the way to ``path`` and try every link of that page; how many there were."""
    async with httpx.AsyncClient(transport=Loopback(), base_url=project.public, timeout=20) as browser:
        page = await _arrive(browser, person, path)
        if page.url.path != path:
            raise PageFailed(f"{path} led to {page.url}")
        house = path.rpartition("/")[0]
        own = {link for link in _LINK.findall(page.text) if link.startswith("/")}
        astray = {link for link in own if not link.startswith(house)}
        if astray or not own:
            raise PageFailed(f"{path} has links that lead out of its house: {sorted(astray)}")
        public = {link for link in _LINK.findall(page.text) if link.startswith(project.public)}
        for link in sorted(link for link in own | public if not link.endswith("/logout")):
            answer = await browser.get(link.replace("&amp;", "&"), headers={"Accept": "text/html,*/*"})
            if answer.status_code == 404 or answer.status_code >= 500:  # some doors are for other functions
                raise PageFailed(f"{path} links to {link}, which answers {answer.status_code}")
        cookies = {cookie.path for cookie in browser.cookies.jar if cookie.name.startswith("onewindow_")}
        if cookies - {house}:
            raise PageFailed(f"a cookie of {house} would go to {sorted(cookies - {house})}")
        return len(own | public)


async def _arrive(browser: httpx.AsyncClient, person: str, path: str) -> httpx.Response:
    page = await browser.get(path, headers={"Accept": "text/html"})
    for _ in range(HOPS):
        if page.status_code in (302, 303):
            page = await browser.get(page.url.join(page.headers["location"]), headers={"Accept": "text/html"})
        elif page.status_code == 200 and 'type="password"' in page.text:
            page = await browser.post(page.url, data={"username": person, "password": PASSWORD})
        else:
            break
    if page.status_code != 200:
        raise PageFailed(f"{path} ended at {page.url} with {page.status_code}: {page.text[:300]}")
    return page
