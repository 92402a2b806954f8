"""What supervision shows: the wall for everybody; cases and cards for supervisors and auditors."""

from __future__ import annotations

from libs.http import page_router
from services.supervision.pages import cards, case, wall
from services.supervision.pages.frame import PAGES

router = page_router()
for _part in (wall.router, cards.router, case.router):
    router.include_router(_part)

__all__ = ["PAGES", "router"]
