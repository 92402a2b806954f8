"""The frame of intake's pages, the words for its states, and how a refused form comes back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from pydantic import ValidationError

from libs.identity import Person
from libs.pages import FieldError, Form, Nav, Pages, mark
from libs.pages.rendering import PUBLIC_NAV
from libs.refusals import Refusal

HERE = Path(__file__).parent
PAGES = Pages("intake", HERE / "templates")
DESK_NAV = (Nav("desk", mark("综合窗口"), "intake", "/desk"), *PUBLIC_NAV)

# (kind of status, words): the kind decides icon and colour; amber and red are kept for risk and overdue.
STATES = {
    "received": ("wait", mark("已收到，待受理")),
    "correction_requested": ("run", mark("等申请人补正")),
    "corrected": ("wait", mark("已补正，待受理")),
    "accepted": ("run", mark("审查中")),
    "decision_due": ("run", mark("意见齐了，待决定")),
    "granted": ("run", mark("已准予，待发证")),
    "refused": ("run", mark("决定不予许可")),
    "issued": ("run", mark("可以领取")),
    "delivered": ("done", mark("已送达")),
    "declined": ("done", mark("不予受理")),
    "withdrawn": ("done", mark("已撤回")),
}
WAITS = {
    "completeness_check": mark("{who}在核对材料是否齐全"),
    "notice_or_acceptance": mark("窗口在决定受理，或者一次告知要补什么"),
    "correction": mark("等申请人补正"),
    "acceptance": mark("补正已齐，窗口应当受理"),
    "opinion": mark("{who}在审查"),
    "predecessor": mark("{who}等前面的部门出意见，可以先看材料"),
    "hearing": mark("法律要求先举行听证，举行之后才能决定"),
    "decision": mark("意见齐了，{who}在作决定"),
    "charge": mark("正在按公布的标准计算费用"),
    "payment": mark("等申请人缴费，缴清当即发证"),
    "issue": mark("正在出具文书"),
    "delivery": mark("文书已经出具，等申请人领取"),
}
MOMENTS = {
    "received": mark("收到申请，当即给出编号和凭证"),
    "checked": mark("{who}核对了材料"),
    "correction_requested": mark("窗口一次告知要补正的内容"),
    "corrected": mark("申请人补正了材料"),
    "accepted": mark("受理，同时送各部门审查"),
    "review_released": mark("{who}开始计时审查"),
    "opinion_given": mark("{who}出具意见"),
    "decision_due": mark("意见齐了，送{who}决定"),
    "granted": mark("准予许可"),
    "refused": mark("不予许可"),
    "charge_assessed": mark("按公布的标准开出账单"),
    "paid": mark("费用缴清"),
    "charge_cancelled": mark("账单撤销"),
    "permit_issued": mark("出具许可证"),
    "refusal_issued": mark("出具不予许可决定"),
    "delivered": mark("文书送达"),
    "withdrawn": mark("申请人撤回了申请"),
    "declined": mark("不予受理"),
    "card_issued": mark("监督方发牌"),
    "finding_issued": mark("监督方指出问题"),
}
OUTCOMES = {
    "consent": mark("同意"),
    "consent_with_conditions": mark("有条件同意"),
    "object": mark("不同意"),
}
PERIODS = {
    "notice": mark("一次告知或受理"),
    "respond": mark("补正"),
    "accept": mark("补正后受理"),
    "decision_promised": mark("决定（承诺）"),
    "decision_statutory": mark("决定（法定）"),
    "delivery": mark("送达"),
}
PAPERS = {
    "receipt": mark("收件凭证"),
    "notice": mark("补正告知书"),
    "acceptance": mark("受理凭证"),
    "decline": mark("不予受理凭证"),
    "opinion": mark("部门意见书"),
    "decision": mark("决定书"),
    "permit": mark("许可证"),
    "refusal": mark("不予许可决定书"),
    "bill": mark("账单"),
}
REMEDIES = {
    "statement": mark("陈述和申辩"),
    "reconsideration": mark("行政复议"),
    "litigation": mark("行政诉讼"),
    "compensation": mark("国家赔偿"),
    "complaint": mark("投诉举报"),
}
MODES = {
    "complete": mark("材料齐全，受理"),
    "corrected": mark("补正齐全，受理"),
    "deemed": mark("期满没有通知，依法视为自收到之日起受理"),
}
_MISFITS = {
    "greater_than_equal": mark("不能小于 {ge}"),
    "less_than_equal": mark("不能大于 {le}"),
    "string_too_long": mark("最多 {max_length} 个字"),
    "not_answered": mark("这一项还没有回应"),
    "not_uploaded": mark("请重新选择文件"),
    "bad_material": mark("请上传 PDF、PNG、JPEG 或者纯文本文件"),
    "material_too_large": mark("每份文件最多 5 MB"),
}
WORDS = {
    "states": STATES, "waits": WAITS, "moments": MOMENTS, "outcomes": OUTCOMES, "periods": PERIODS,
    "papers": PAPERS, "remedy_words": REMEDIES, "modes": MODES,
}  # fmt: skip


def show(
    request: Request,
    template: str,
    person: Person,
    *,
    status: int = 200,
    section: str = "cases",
    **context: Any,
) -> HTMLResponse:
    """The page with intake's words; window officers get the desk in their navigation."""
    nav = DESK_NAV if person.may("window_officer") else PUBLIC_NAV
    return PAGES.render(
        request, template, person=person, status=status, section=section, nav=nav, **WORDS, **context
    )


def kept_form(values: Mapping[str, Any], reason: Exception) -> Form:
    """The form after a refusal, with everything typed still there and each error at its own field."""
    if isinstance(reason, ValidationError) or not isinstance(reason, Refusal):
        return Form.kept(values, reason)
    plain = Form.kept(values, reason)
    listed = reason.extra.get("errors") or []
    better = []
    for error, told in zip(plain.errors, listed, strict=True):
        text = _MISFITS.get(str(told.get("kind")))
        given = {name: str(value) for name, value in told.items()}
        better.append(FieldError(error.field, text, given) if text else error)
    return Form(plain.values, tuple(better), plain.problem)
