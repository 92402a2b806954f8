"""How commands reach a center as its system administrator: by its run folder here, or by environment elsewhere.

Elsewhere: ONEWINDOW_SITES (as every service has it), ONEWINDOW_ACCESS_TOKEN_FILE (read anew for every request)
or ONEWINDOW_ACCESS_TOKEN; for healing also ONEWINDOW_AUDIT_DATABASES and ONEWINDOW_AUDIT_BROKER_URL.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from deploy.healing import Comparison, Desk, Healer
from deploy.healing.desk import houses_of
from deploy.launcher.attached import Attached, NoCenter
from libs.flow import FLOW

ADMINISTRATOR = "administrator-01"


def _given(name: str) -> str:
    return os.environ.get(f"ONEWINDOW_{name}", "")


def elsewhere() -> bool:
    """Whether the environment names a center and a token for it."""
    return bool(_given("SITES") and (_given("ACCESS_TOKEN") or _given("ACCESS_TOKEN_FILE")))


async def _given_token() -> str:
    path = _given("ACCESS_TOKEN_FILE")
    text = await asyncio.to_thread(Path(path).read_text, "utf-8") if path else _given("ACCESS_TOKEN")
    return text.strip()


@contextlib.asynccontextmanager
async def desk(center: Attached | None, person: str = ADMINISTRATOR) -> AsyncIterator[Desk]:
    """The system administrator's desk of a center on this machine, or (None) of the one the environment names."""
    if center is None:
        async with Desk(houses_of(json.loads(_given("SITES"))), _given_token) as there:
            yield there
        return
    async with (
        center.cast() as cast,
        Desk(houses_of(center.sites), lambda: cast.token(person), cast.http) as here,
    ):
        await cast.token(person)  # asked for once, before many ask at the same time
        yield here


def center_of(run_dir: Path | None) -> Attached | None:
    """The center to talk to: the run folder's, unless the environment names another one; NoCenter."""
    return None if run_dir is None and elsewhere() else Attached(run_dir)


@contextlib.asynccontextmanager
async def healer(center: Attached | None, tell: Callable[[str], None]) -> AsyncIterator[Healer]:
    """A healer of that center."""
    if center is not None:
        databases, broker = center.databases, center.management
    else:
        databases = json.loads(_given("AUDIT_DATABASES") or "{}")
        broker = _given("AUDIT_BROKER_URL")
        if not databases or not broker:
            raise NoCenter("Healing needs ONEWINDOW_AUDIT_DATABASES and ONEWINDOW_AUDIT_BROKER_URL too.")
    async with desk(center) as administrator:
        made = Healer(Comparison(FLOW, databases, broker), administrator, tell)
        try:
            yield made
        finally:
            await made.close()


@contextlib.asynccontextmanager
async def healing(center: Attached, tell: Callable[[str], None]) -> AsyncIterator[Healer]:
    """A healer that looks again and again for as long as the context lasts."""
    async with healer(center, tell) as made:
        watching = asyncio.create_task(made.watch(), name="healing")
        try:
            yield made
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
