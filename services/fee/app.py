"""Fee put together: bills and payments, the treasury's books, and the services' door."""

from __future__ import annotations

from fastapi import FastAPI

from libs.runner import Service
from services.fee import api, pages
from services.fee.consumers import consumers
from services.fee.settings import FeeSettings
from services.fee.timers import timers


def create_app() -> FastAPI:
    """The service, ready to be served by libs.runner."""
    settings = FeeSettings()
    routers = [api.api, pages.router]
    return Service(
        "fee", settings, consumers=consumers, timers=timers, routers=routers, pages=pages.PAGES
    ).app
