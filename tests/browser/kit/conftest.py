"""A browser and the gallery's address, for the tests of the kit."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator

import pytest
import uvicorn
from playwright.async_api import Browser

from tests.browser.kit.gallery import create_app
from tests.browser.kit.looking import open_browser


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Debian's chromium, inside the test's own event loop: a synchronous one would hold the loop of others."""
    async with open_browser() as running:
        yield running


@pytest.fixture(scope="session")
def gallery() -> Iterator[str]:
    """The gallery's address."""
    server = uvicorn.Server(uvicorn.Config(create_app(), port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the gallery did not start"
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(5)
