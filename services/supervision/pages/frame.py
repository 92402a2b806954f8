"""The pages of supervision share one frame and one set of words for clocks, states, colours and events."""

from __future__ import annotations

from pathlib import Path

from libs.identity import Person
from libs.pages import Pages, mark

PAGES = Pages("supervision", Path(__file__).parent / "templates")

CLOCK_WORDS = {
    "notice": mark("一次告知"),
    "check": mark("材料核对"),
    "review": mark("部门审查"),
    "decision_promised": mark("承诺期限"),
    "decision_statutory": mark("法定期限"),
    "delivery": mark("送达"),
}
STATE_WORDS = {
    "received": mark("已收到"),
    "correction_requested": mark("等申请人补正"),
    "corrected": mark("已补正"),
    "accepted": mark("审查中"),
    "decided": mark("已决定"),
    "issued": mark("已准予"),
    "refused": mark("不予许可"),
    "declined": mark("不予受理"),
    "withdrawn": mark("申请人撤回"),
    "delivered": mark("已送达"),
}
EVENT_WORDS = {
    "intake.application_received.v1": mark("收到申请"),
    "intake.completeness_check_requested.v1": mark("请部门核对材料"),
    "review.defects_reported.v1": mark("部门指出缺项"),
    "intake.correction_requested.v1": mark("一次告知补正"),
    "intake.application_corrected.v1": mark("申请人补正"),
    "intake.application_declined.v1": mark("不予受理"),
    "intake.application_accepted.v1": mark("受理"),
    "intake.review_requested.v1": mark("送部门审查"),
    "intake.review_released.v1": mark("前序已定，开始计时"),
    "review.opinion_given.v1": mark("部门给出意见"),
    "intake.decision_due.v1": mark("请牵头部门决定"),
    "review.decision_made.v1": mark("牵头部门作出决定"),
    "intake.decision_made.v1": mark("一致同意，当场准予"),
    "fee.charge_assessed.v1": mark("按标准开出账单"),
    "fee.payment_received.v1": mark("费用进国库"),
    "fee.charge_cancelled.v1": mark("账单撤销"),
    "intake.permit_issued.v1": mark("发出许可证"),
    "intake.refusal_issued.v1": mark("发出不予许可决定"),
    "intake.document_delivered.v1": mark("文书送达"),
    "intake.application_withdrawn.v1": mark("申请人撤回"),
    "intake.review_closed.v1": mark("部门审查终止"),
    "disclosure.record_published.v1": mark("写入公开日志"),
}


def watches(person: Person | None) -> bool:
    """Whether the person may see single cases here (contracts/access.yaml says so for the routes)."""
    return person is not None and (person.may("supervisor") or person.may("auditor"))
