"""Intake put together: three doors (people, services, clock) to the same deeds, and the settling after
them."""

from __future__ import annotations

from fastapi import FastAPI

from libs.runner import Service
from services.intake import api, pages
from services.intake.consumers import consumers
from services.intake.handlers.settling import settle_cases
from services.intake.settings import IntakeSettings
from services.intake.timers import timers


def create_app() -> FastAPI:
    """The service, ready to be served by libs.runner."""
    settings = IntakeSettings()
    return Service(
        "intake",
        settings,
        consumers=consumers,
        timers=timers,
        routers=[*api.routers, *pages.routers],
        settle=settle_cases,
        pages=pages.PAGES,
    ).app
