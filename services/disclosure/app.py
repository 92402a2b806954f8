"""Disclosure put together: its doors (people, programs, services), and the log signed once per commit."""

from __future__ import annotations

from fastapi import FastAPI

from libs.runner import Service
from services.disclosure import api, handlers, pages
from services.disclosure.consumers import consumers
from services.disclosure.settings import DisclosureSettings
from services.disclosure.timers import timers


def create_app() -> FastAPI:
    """The service, ready to be served by libs.runner."""
    settings = DisclosureSettings()
    return Service(
        "disclosure",
        settings,
        consumers=consumers,
        timers=timers,
        routers=[api.catalogue, api.records, api.log, pages.router],
        settle=handlers.settle_log,
        pages=pages.PAGES,
    ).app
