"""The department's pages: templates, navigation, and the words for the state and risk of a task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from libs.pages import Nav, Pages, mark
from services.review.api.views import TaskRow

NAV = (
    Nav("desk", mark("待办"), "review", "/desk"),
    Nav("done", mark("已办"), "review", "/desk?view=done"),
    Nav("records", mark("公开"), "disclosure", "/records"),
    Nav("supervision", mark("监督"), "supervision", "/"),
)
PAGES = Pages("review", Path(__file__).parent / "templates", nav=NAV)

DONE_WORDS = {
    "checking": mark("核对期已过"),
    "checked": mark("材料已核对"),
    "opinion_given": mark("意见已送出"),
    "decided": mark("决定已签署"),
    "closed": mark("申请人已撤回"),
}
NEXT_WORDS = {
    "checking": mark("核对材料"),
    "pre_review": mark("可先预审"),
    "open": mark("填写意见"),
    "decision_due": mark("签署决定"),
}


def status(row: TaskRow) -> tuple[str, str, dict[str, Any]]:
    """(kind of status, words, their values) of a task: how pressing it is, or what has become of it."""
    if row.risk == "wait":
        return "wait", mark("等前序部门"), {}
    clock = row.clock
    if row.risk == "done" or clock is None:
        return "done", DONE_WORDS.get(row.state, mark("已办完")), {}
    if row.risk == "over":
        if clock.left_wd == 0:
            return "over", mark("今天下班前没有完成"), {}
        return "over", mark("逾期 {n} 个工作日"), {"n": -clock.left_wd}
    if clock.left_wd <= 0:
        return "risk", mark("今天到期"), {}
    return row.risk, mark("剩 {n} 个工作日"), {"n": clock.left_wd}
