"""The pages of disclosure share one frame, one clock and one way of naming life events."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from fastapi import Request

from libs.pages import Pages, mark
from libs.pages.formats import as_date

PAGES = Pages("disclosure", Path(__file__).parent / "templates")

# Names of the life events that items are listed under; an unknown one is shown by its code.
LIFE_EVENTS = {
    "open-business": (mark("开店办企业"), mark("餐饮、食品、旅馆、娱乐、招牌、排水")),
    "street-works": (mark("占路、挖路"), mark("占用费和修复都按公布的标准")),
    "building": (mark("盖房子、搞建设"), mark("施工许可、排水、树木、户外广告")),
    "hold-event": (mark("办大型活动"), mark("活动安全和临时占道")),
}


def today(request: Request) -> date:
    """The legal day of the business clock."""
    return as_date(request.app.state.clock.now())
