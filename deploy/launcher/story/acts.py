"""What each person of the story does, as HTTP requests; every act answers what comes next and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from deploy.launcher.story.cast import ActRefused, Cast
from deploy.launcher.story.papers import forgotten, needed_materials, upload
from deploy.launcher.story.script import Application, after

Next = list[tuple[datetime, str, tuple[Any, ...]]]
WINDOW = "window-01"
TWO_HOURS = 0.25
PATIENCE = 400  # looks at a case that does not move, two business hours apart


@dataclass
class Story:
    """What the story knows of the center while it is told; everything here was read from an HTTP answer."""

    cast: Cast
    items: dict[str, dict[str, Any]]
    working_day: Callable[[date], bool]
    case_ids: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    looks: dict[str, int] = field(default_factory=dict)

    def later(self, now: datetime, working_days: float) -> datetime:
        """A business instant some working days from now."""
        return after(now, working_days, self.working_day)

    def case_url(self, number: int, rest: str = "") -> str:
        """The address of an application's case at intake."""
        return f"{self.cast.site('intake')}/api/cases/{self.case_ids[number]}{rest}"

    def patient(self, name: str) -> bool:
        """Whether to look once more at something that has not moved."""
        self.looks[name] = self.looks.get(name, 0) + 1
        return self.looks[name] < PATIENCE


async def file(story: Story, plan: Application, now: datetime) -> Next:
    """The applicant uploads the materials and files; who will be corrected forgets a material."""
    codes = needed_materials(story.items[plan.item_code], plan.facts)
    if plan.scenario in ("corrected", "silent_applicant"):
        codes.remove(forgotten(story.items[plan.item_code], plan.facts)[0])
    files_it = WINDOW if plan.channel == "window" else plan.applicant
    materials = [await upload(story.cast, files_it, plan.number, code) for code in codes]
    body = {
        "item_code": plan.item_code,
        "applicant": {"kind": "legal"},
        "facts": plan.facts,
        "materials": materials,
    }
    if plan.channel == "window":
        body["on_behalf_of"] = plan.applicant
    answer = await story.cast.act(files_it, f"{story.cast.site('intake')}/api/applications", body)
    story.case_ids[plan.number] = answer["case_id"]
    notice_wd = story.items[plan.item_code]["limits"]["notice_wd"]
    follow = [(story.later(now, 1), "follow", (plan,))]
    match plan.scenario:
        case "deemed":
            return follow
        case "not_competent":
            return [(story.later(now, TWO_HOURS), "decline", (plan,)), *follow]
        case "corrected" | "silent_applicant":
            notice_at = story.later(now, min(1.5, notice_wd - 1))
            return [
                (story.later(now, 0.25), "report_defect", (plan,)),
                (notice_at, "ask_correction", (plan,)),
                *follow,
            ]
    return [(story.later(now, min(plan.share * notice_wd, 2)), "accept", (plan,)), *follow]


async def report_defect(story: Story, plan: Application, now: datetime) -> Next:
    """A planned department finds the missing material too, so that the notice has something to merge."""
    missing, department = forgotten(story.items[plan.item_code], plan.facts)
    defect = {"target": missing, "what": "材料缺少 · missing", "article": "AL 32(1)(4)"}
    url = f"{story.cast.site('review', department)}/api/tasks/{story.case_ids[plan.number]}/defects"
    await story.cast.act(f"{department}-examiner", url, {"defects": [defect]})
    return []


async def ask_correction(story: Story, plan: Application, now: datetime) -> Next:
    """The window officer sends the one-time notice."""
    missing, _ = forgotten(story.items[plan.item_code], plan.facts)
    body = {
        "defects": [
            {"target": missing, "what": "材料缺少，请补交 · missing, please add", "article": "AL 32(1)(4)"}
        ]
    }
    await story.cast.act(WINDOW, story.case_url(plan.number, "/correction-request"), body)
    if plan.scenario == "silent_applicant":
        return []
    return [(story.later(now, 1.5), "correct", (plan,))]


async def correct(story: Story, plan: Application, now: datetime) -> Next:
    """The applicant adds what the notice asked for."""
    missing, _ = forgotten(story.items[plan.item_code], plan.facts)
    material = await upload(story.cast, plan.applicant, plan.number, missing)
    await story.cast.act(
        plan.applicant, story.case_url(plan.number, "/correction"), {"facts": {}, "materials": [material]}
    )
    return [(story.later(now, 0.5), "accept", (plan,))]


async def accept(story: Story, plan: Application, now: datetime) -> Next:
    """The window officer accepts; in one case the applicant then changes his mind."""
    await story.cast.act(WINDOW, story.case_url(plan.number, "/acceptance"), {})
    return [(story.later(now, 0.5), "withdraw", (plan,))] if plan.scenario == "withdrawn" else []


async def decline(story: Story, plan: Application, now: datetime) -> Next:
    """Not this center's matter: the window says so at once and names the right agency."""
    body = {"reason_code": "not_competent", "reason": "该事项由省级部门办理 · decided by the provincial department",
            "right_agency": {"zh": "省级主管部门", "en": "The provincial department"}}  # fmt: skip
    await story.cast.act(WINDOW, story.case_url(plan.number, "/decline"), body)
    return []


async def withdraw(story: Story, plan: Application, now: datetime) -> Next:
    """The applicant takes the application back."""
    await story.cast.act(plan.applicant, story.case_url(plan.number, "/withdrawal"), {})
    return []


async def follow(story: Story, plan: Application, now: datetime) -> Next:
    """The applicant looks: departments start when it is in review, bills are paid, permits taken."""
    case = await story.cast.read(plan.applicant, story.case_url(plan.number))
    state = case["state"]
    if state in ("delivered", "declined", "withdrawn"):
        return []
    waiting = {reason["kind"] for reason in case["waits_for"]}
    following: Next = []
    if state == "accepted" and f"opinions {plan.number}" not in story.looks:
        story.looks[f"opinions {plan.number}"] = 1
        following = [
            (story.later(now, _working_days(story, plan, review)), "opinion", (plan, review["department"]))
            for review in case["lanes"]
        ]
    elif state == "decision_due" and f"decision {plan.number}" not in story.looks:
        story.looks[f"decision {plan.number}"] = 1
        following = [(story.later(now, 0.25), "decide", (plan,))]
    elif "payment" in waiting:
        await _pay(story, plan)
    elif state == "issued":
        await story.cast.act(plan.applicant, story.case_url(plan.number, "/delivery"), {})
        return []
    if waiting & {"hearing"} or not story.patient(f"follow {plan.number}"):
        return following
    return [*following, (story.later(now, 0.25), "follow", (plan,))]


def _working_days(story: Story, plan: Application, review: dict[str, Any]) -> float:
    steps = {step["department"]: step for step in story.items[plan.item_code]["plan"]}
    limit = float(steps[review["department"]]["limit_wd"])
    if plan.scenario == "late" and review["department"] == story.items[plan.item_code]["lead"]:
        return limit + 2.0
    return max(0.125, plan.share * limit - 0.5)


async def opinion(story: Story, plan: Application, department: str, now: datetime) -> Next:
    """The examiner gives the department's opinion, once the predecessors are done."""
    examiner = f"{department}-examiner"
    url = f"{story.cast.site('review', department)}/api/tasks/{story.case_ids[plan.number]}"
    task = await story.cast.read(examiner, url)
    if task["state"] in ("opinion_given", "closed", "decision_due", "decided"):
        return []
    if task["state"] in ("pre_review", "checking", "checked"):
        again = story.patient(f"opinion {plan.number} {department}")
        return [(story.later(now, TWO_HOURS), "opinion", (plan, department))] if again else []
    await story.cast.act(examiner, f"{url}/opinion", _opinion(story, plan, department, task))
    return []


def _opinion(story: Story, plan: Application, department: str, task: dict[str, Any]) -> dict[str, Any]:
    codes = [condition["code"] for condition in task["conditions"]]
    objector = [step["department"] for step in story.items[plan.item_code]["plan"] if step["when"] is None][
        -1
    ]
    special = plan.scenario if department == objector else ""
    failed = codes[:1] if special in ("refused", "over_objection") else []
    answers = [
        {
            "condition": code,
            "answer": "not_met",
            "evidence": "现场与申请不符 · the site differs from the application",
        }
        if code in failed
        else {"condition": code, "answer": "met", "evidence": "经审查，符合 · examined and met"}
        for code in codes
    ]
    if failed:
        return {"outcome": "object", "answers": answers}
    if special == "conditions":
        stop = "每日 22 时后停止施工 · no work after 22:00"
        return {"outcome": "consent_with_conditions", "answers": answers, "conditions": [stop]}
    return {"outcome": "consent", "answers": answers}


async def decide(story: Story, plan: Application, now: datetime) -> Next:
    """The head of the lead department signs: refused on an objection, unless each can be answered."""
    lead = story.items[plan.item_code]["lead"]
    head = f"{lead}-head"
    url = f"{story.cast.site('review', lead)}/api/tasks/{story.case_ids[plan.number]}"
    task = await story.cast.read(head, url)
    objections = [each for each in task["opinions"] if each["outcome"] == "object"]
    refused = bool(objections) and plan.scenario != "over_objection"
    reasons = (
        objections[0]["reasons"]
        if refused
        else [
            {
                "condition": None,
                "text": "各部门意见齐备，符合全部条件 · all opinions are in, all conditions met",
                "article": "AL 38",
            }
        ]
    )
    answers = (
        []
        if refused
        else [
            {"department": each["department"], "answer": "已要求整改并复核通过 · mended and checked again"}
            for each in objections
        ]
    )
    conditions = [condition for each in task["opinions"] for condition in each["conditions"]]
    body = {"decision": "refused" if refused else "granted", "reasons": reasons,
            "conditions": [] if refused else conditions, "answers": answers}  # fmt: skip
    await story.cast.act(head, f"{url}/decision", body)
    return []


async def _pay(story: Story, plan: Application) -> None:
    bills = await story.cast.read(plan.applicant, f"{story.cast.site('fee')}/api/bills?limit=100")
    for bill in bills["bills"]:
        if bill["state"] == "open" and bill["case_id"] == story.case_ids[plan.number]:
            url = f"{story.cast.site('fee')}/api/bills/{bill['bill_no']}/payment"
            await story.cast.act(plan.applicant, url, {"channel": "demonstration"})


ACTS: dict[str, Any] = {
    act.__name__: act
    for act in (
        file,
        report_defect,
        ask_correction,
        correct,
        accept,
        decline,
        withdraw,
        follow,
        opinion,
        decide,
    )
}


async def perform(story: Story, name: str, arguments: tuple[Any, ...], now: datetime) -> Next:
    """One act; a refusal is noted with its code and ends that thread of the story."""
    try:
        following: Next = await ACTS[name](story, *arguments, now)
        return following
    except ActRefused as refused:
        plan: Application = arguments[0]
        story.notes.append(
            f"application {plan.number} ({plan.item_code}, {plan.scenario}), {name}: {refused}"
        )
        return []
