"""What people see of intake: the form, their cases on a board, the answer to the notice, the window's desk."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from libs.http import MaybePerson, page_router
from services.intake.pages.apply import apply
from services.intake.pages.board import board
from services.intake.pages.correcting import correcting
from services.intake.pages.desk import desk
from services.intake.pages.frame import PAGES

home = page_router()
routers: list[APIRouter] = [home, apply, board, correcting, desk]
__all__ = ["PAGES", "routers"]


@home.get("/")
async def start(person: MaybePerson) -> Response:
    """Window officers come for the desk, everybody else for their cases."""
    return RedirectResponse("/desk" if person and person.may("window_officer") else "/cases", 303)
