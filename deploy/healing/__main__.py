"""``python -m deploy.healing``: the healer as a process of its own, beside the services of a center in containers.

What it must be told is in deploy/healing/settings.py. It compares every ten seconds, serves its figures, writes one
JSON object a line, and ends at SIGTERM. One of it is enough; two would only ask twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from datetime import UTC, datetime

from deploy.healing.comparison import Comparison
from deploy.healing.desk import Desk, houses_of
from deploy.healing.door import Door
from deploy.healing.healer import Healer
from deploy.healing.login import Login
from deploy.healing.settings import HealerSettings
from libs.flow import FLOW

LOOKED_S = 120.0  # a comparison younger than this means that it looks
TURNED_S = 600.0  # a round older than this means that it hangs


def say(text: str) -> None:
    """One line of log."""
    line = {"event": text, "level": "info", "timestamp": datetime.now(UTC).isoformat(), "service": "healer"}
    print(json.dumps(line, ensure_ascii=False), flush=True)


async def heal(settings: HealerSettings, stop: asyncio.Event) -> None:
    """Look again and again until ``stop``; what must not happen ends the process, so that it is started again."""
    person = (settings.healer_login, settings.healer_password) if settings.healer_login else None
    client = (settings.oidc_client_id, settings.oidc_client_secret)
    comparison = Comparison(FLOW, settings.audit_databases, settings.audit_broker_url)
    async with (
        Login(settings.oidc_issuer, client, settings.oidc_scope, person) as login,
        Desk(houses_of(settings.sites), login.token, refused=login.forget) as desk,
    ):
        healer = Healer(comparison, desk, say)
        address = (settings.http_host, settings.http_port)
        with Door(
            address,
            healer.registry,
            lambda: healer.since_turn_s < TURNED_S,
            lambda: healer.since_look_s < LOOKED_S,
        ):
            say(f"compares {len(settings.audit_databases)} databases")
            watching = asyncio.create_task(healer.watch(), name="healing")
            stopping = asyncio.create_task(stop.wait(), name="stopping")
            await asyncio.wait({watching, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
            await healer.close()


async def _main() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await heal(HealerSettings(), stop)
    say("ends")


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
