"""One department put together: which one it is comes from its file, everything else is the same code."""

from __future__ import annotations

from fastapi import FastAPI

from libs.runner import Service
from services.review import api, pages
from services.review.consumers import consumers
from services.review.settings import ReviewSettings
from services.review.timers import timers


def create_app() -> FastAPI:
    """The service of one department, ready to be served by libs.runner."""
    settings = ReviewSettings()
    return Service(
        "review",
        settings,
        consumers=consumers,
        timers=timers,
        routers=[api.reading, api.acts, pages.desk, pages.tasks],
        pages=pages.PAGES,
        department=settings.department.code,
    ).app
