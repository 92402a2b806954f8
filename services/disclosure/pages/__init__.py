"""What everybody sees of disclosure: portal, guides, rules, and the public record with its proof."""

from __future__ import annotations

from libs.http import page_router
from services.disclosure.pages import guide, portal, records
from services.disclosure.pages.frame import PAGES

router = page_router()
for _part in (portal.router, guide.router, records.router):
    router.include_router(_part)

__all__ = ["PAGES", "router"]
