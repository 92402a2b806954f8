"""Puts supervision together, top to bottom: ``python -m libs.runner services.supervision.app``."""

from __future__ import annotations

from fastapi import FastAPI

from libs.pace import Pace
from libs.runner import Service
from services.supervision import handlers, pages
from services.supervision.api import api
from services.supervision.consumers import consumers
from services.supervision.settings import Settings
from services.supervision.timers import timers

# Nobody waits for an answer here, and the more is heard at once, the fewer times a case is judged.
PACE = Pace(most=8192, pause_s=6.0, messages=200)


def create_app() -> FastAPI:
    """The service as configured by its environment."""
    settings = Settings()
    return Service(
        "supervision",
        settings,
        consumers=consumers,
        timers=timers,
        routers=[api, pages.router],
        settle=handlers.settle_cases,
        pace=PACE,
        pages=pages.PAGES,
    ).app
