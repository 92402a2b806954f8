"""What a department may do and when: each refusal has its code, and what is refused changes nothing."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from libs.refusals import NotFound, Refusal
from libs.signatures import KeyDirectory, Signer
from services.review.api.acts import DecisionBody, DefectsBody, OpinionBody
from services.review.domain import ConditionAnswer, ObjectionAnswer, Reason
from services.review.handlers import acts
from tests.services.review import builders as b
from tests.services.review import memory

HEAD = b.person("department_head")
EXAMINER = b.person("examiner")
KEYS = KeyDirectory.from_entries([Signer("test-key", f"review/{b.LEAD}", memory.KEY).directory_entry()])
START = [b.item_published(), b.calendar_published()]


def answers(**given: tuple[str, str]) -> list[ConditionAnswer]:
    told = {"road-old-enough": ("met", ""), "road-restored": ("met", "")}
    told.update({code.replace("_", "-"): answer for code, answer in given.items()})
    return [
        ConditionAnswer.model_validate({"condition": code, "answer": answer, "evidence": evidence})
        for code, (answer, evidence) in told.items()
    ]


def house(*events: Any, department: str = b.LEAD) -> memory.MemoryHouse:
    async def run() -> memory.MemoryHouse:
        made = memory.MemoryHouse(memory.settings(department))
        for each in [*START, *events]:
            await made.hear(each)
        return made

    return asyncio.run(run())


def refused(made: memory.MemoryHouse, code: str, deed: Any, *arguments: Any, **options: Any) -> Refusal:
    before, said = dict(made.stored), list(made.said)
    with pytest.raises(Refusal) as caught:
        asyncio.run(made.act(deed, *arguments, **options))
    assert caught.value.code == code
    assert (made.stored, made.said) == (before, said)
    return caught.value


def opinion(
    made: memory.MemoryHouse, outcome: str = "consent", given: Any = None, conditions: Any = ()
) -> Any:
    return asyncio.run(
        made.act(acts.give_opinion, EXAMINER, b.CASE, outcome, given or answers(), list(conditions))
    )


def test_opinion_is_signed_and_said_with_its_reasons() -> None:
    made = house(b.review_requested())
    opinion(made, "object", answers(road_restored=("not_met", "恢复期限缺失")))
    task = made.task(b.CASE)
    assert task is not None
    assert task.state == "opinion_given"
    (name, subject, said) = made.said[0]
    assert (name, subject) == ("review.opinion_given.v1", b.CASE)
    article = next(each.basis for each in b.item().conditions if each.code == "road-restored")
    assert said["reasons"] == [{"condition": "road-restored", "text": "恢复期限缺失", "article": article}]
    assert (said["department"], said["given_at"]) == (b.LEAD, "2026-03-03T02:00:00Z")
    content = KEYS.verify(said["opinion"], issuer=f"review/{b.LEAD}", kind="opinion")
    assert (content["outcome"], content["case_id"], content["reasons"]) == ("object", b.CASE, said["reasons"])
    assert content["materials"] == [{"code": "traffic-plan", "sha256": b.PLAN_SHA256}]
    assert "capability" not in json.dumps(said)


def test_deeds_continue_the_cases_trace() -> None:
    made = house(b.review_requested())
    assert opinion(made).traces == [b.TRACE]


@pytest.mark.parametrize(
    ("code", "outcome", "given", "conditions"),
    [
        ("reasons_missing", "object", answers(), []),
        ("reasons_missing", "object", answers(road_restored=("not_met", " ")), []),
        ("reasons_missing", "consent", answers(road_restored=("not_applicable", "")), []),
        ("outcome_contradicts", "consent", answers(road_restored=("not_met", "缺")), []),
        ("outcome_contradicts", "consent", answers(), ["夜间施工"]),
        ("conditions_missing", "consent_with_conditions", answers(), []),
        ("conditions_missing", "consent_with_conditions", answers(), [" "]),
        ("unknown_condition", "consent", answers(traffic_kept_safe=("met", "")), []),
        ("conditions_unanswered", "consent", answers()[:1], []),
        ("conditions_unanswered", "consent", [*answers(), *answers()[:1]], []),
    ],
)
def test_opinion_that_does_not_hold_is_refused(
    code: str, outcome: str, given: Any, conditions: list[str]
) -> None:
    made = house(b.review_requested())
    refused(made, code, acts.give_opinion, EXAMINER, b.CASE, outcome, given, conditions)


def test_consent_with_conditions_carries_them() -> None:
    made = house(b.review_requested())
    opinion(made, "consent_with_conditions", conditions=["夜间设警示灯"])
    assert made.said[0][2]["conditions"] == ["夜间设警示灯"]


def test_opinion_waits_for_predecessors() -> None:
    made = house(b.review_requested(released=False, clock=None, after=["traffic_police"]))
    problem = refused(made, "not_released", acts.give_opinion, EXAMINER, b.CASE, "consent", answers(), [])
    assert problem.extra == {"waits_for": ["traffic_police"]}
    asyncio.run(made.hear(b.review_released()))
    opinion(made)


def test_one_department_gives_one_opinion() -> None:
    made = house(b.review_requested())
    opinion(made)
    refused(made, "already_given", acts.give_opinion, EXAMINER, b.CASE, "consent", answers(), [])


def test_opinion_that_was_not_asked_for_is_refused() -> None:
    made = house(b.check_requested())
    refused(made, "opinion_not_asked", acts.give_opinion, EXAMINER, b.CASE, "consent", answers(), [])


def test_withdrawn_case_takes_no_opinion_no_defects_and_no_decision() -> None:
    made = house(b.check_requested(), b.review_requested(), b.decision_due(), b.review_closed())
    refused(made, "task_closed", acts.give_opinion, EXAMINER, b.CASE, "consent", answers(), [])
    refused(made, "task_closed", acts.report_defects, EXAMINER, b.CASE, [])
    refused(made, "task_closed", acts.make_decision, HEAD, b.CASE, "granted", [], [], [])


@pytest.mark.parametrize(
    "stranger", [b.person("examiner", department="fire"), b.person("examiner", department=None)]
)
def test_another_departments_person_finds_nothing(stranger: Any) -> None:
    made = house(b.check_requested(), b.review_requested())
    for deed, arguments in [
        (acts.give_opinion, ("consent", answers(), [])),
        (acts.report_defects, ([],)),
        (acts.make_decision, ("granted", [], [], [])),
    ]:
        with pytest.raises(NotFound):
            asyncio.run(made.act(deed, stranger, b.CASE, *arguments))
    with pytest.raises(NotFound):
        asyncio.run(made.act(acts.report_defects, EXAMINER, "nothing", []))


def test_defects_are_numbered_and_said_once() -> None:
    made = house(b.check_requested())
    found = [("design-drawing", "没有比例尺", "第33条"), ("area_m2", "与图不符", "")]
    asyncio.run(made.act(acts.report_defects, EXAMINER, b.CASE, found))
    (name, _, said) = made.said[0]
    assert name == "review.defects_reported.v1"
    assert [(each["no"], each["target"], each["found_by"]) for each in said["defects"]] == [
        (1, "design-drawing", b.LEAD), (2, "area_m2", b.LEAD),
    ]  # fmt: skip
    assert "32" in said["defects"][1]["article"]
    refused(made, "already_reported", acts.report_defects, EXAMINER, b.CASE, [])


@pytest.mark.parametrize("target", ["traffic-plan", "restoration-undertaking", "nothing"])
def test_defect_of_what_another_checks_is_refused(target: str) -> None:
    made = house(b.check_requested())
    refused(made, "unknown_target", acts.report_defects, EXAMINER, b.CASE, [(target, "缺", "")])


def test_check_closes_with_its_last_business_hour() -> None:
    made = house(b.check_requested())
    late = b.NOW.replace(hour=9) + timedelta(seconds=1)  # 17:00:01 in Shanghai on the check's last day
    refused(made, "check_closed", acts.report_defects, EXAMINER, b.CASE, [], now=late)
    asyncio.run(made.act(acts.report_defects, EXAMINER, b.CASE, [], now=b.NOW.replace(hour=9)))


def test_check_is_over_when_the_review_has_begun() -> None:
    made = house(b.check_requested(), b.review_requested())
    refused(made, "check_closed", acts.report_defects, EXAMINER, b.CASE, [])


def test_defects_that_were_not_asked_for_are_refused() -> None:
    made = house(b.review_requested())
    refused(made, "check_not_asked", acts.report_defects, EXAMINER, b.CASE, [])


def test_decision_is_signed_and_said() -> None:
    made = house(b.review_requested(), b.decision_due())
    opinion(made)
    asyncio.run(made.act(acts.make_decision, HEAD, b.CASE, "granted", [], ["夜间设警示灯"], []))
    task = made.task(b.CASE)
    assert task is not None
    assert task.state == "decided"
    said = made.said[1][2]
    content = KEYS.verify(said["decision_document"], issuer=f"review/{b.LEAD}", kind="decision")
    assert content["opinions"] == [
        {"department": "traffic_police", "outcome": "consent", "document_sha256": "d" * 64}
    ]
    assert content["basis"]
    assert content["agency"]["zh"]
    refused(made, "already_decided", acts.make_decision, HEAD, b.CASE, "granted", [], [], [])


def test_decision_is_not_due_before_intake_says_so() -> None:
    made = house(b.review_requested())
    opinion(made)
    refused(made, "decision_not_due", acts.make_decision, HEAD, b.CASE, "granted", [], [], [])


def test_who_gave_the_opinion_does_not_sign_the_decision() -> None:
    made = house(b.review_requested(), b.decision_due())
    opinion(made)
    both = b.person("department_head", EXAMINER.sub)
    refused(made, "same_person", acts.make_decision, both, b.CASE, "granted", [], [], [])


def test_only_the_lead_decides() -> None:
    made = house(b.review_requested("traffic_police"), department="traffic_police")
    head = b.person("department_head", department="traffic_police")
    refused(made, "not_competent", acts.make_decision, head, b.CASE, "granted", [], [], [])


OBJECTED = b.decision_due(opinions=[b.summary("traffic_police", "object"), b.summary("planning")])


@pytest.mark.parametrize(
    ("code", "replies"),
    [
        ("objections_unanswered", []),
        ("objections_unanswered", [("traffic_police", "  ")]),
        ("unknown_department", [("traffic_police", "已改道"), ("planning", "谢谢")]),
    ],
)
def test_granting_over_an_objection_needs_an_answer_to_it(code: str, replies: list[tuple[str, str]]) -> None:
    made = house(b.review_requested(), OBJECTED)
    given = [ObjectionAnswer(department=department, answer=answer) for department, answer in replies]
    refused(made, code, acts.make_decision, HEAD, b.CASE, "granted", [], [], given)


def test_granting_over_an_answered_objection_publishes_the_answer() -> None:
    made = house(b.review_requested(), OBJECTED)
    given = [ObjectionAnswer(department="traffic_police", answer="已改用夜间施工")]
    asyncio.run(made.act(acts.make_decision, HEAD, b.CASE, "granted", [], [], given))
    assert made.said[0][2]["answers"] == [{"department": "traffic_police", "answer": "已改用夜间施工"}]


@pytest.mark.parametrize(
    ("code", "reasons"),
    [
        ("reasons_missing", []),
        ("reasons_missing", [Reason(condition=None, text="总体不合适", article="")]),
        ("reasons_missing", [Reason(condition="road-restored", text=" ", article="")]),
        ("unknown_condition", [Reason(condition="other-matters", text="其他", article="")]),
    ],
)
def test_refusal_cites_a_published_condition(code: str, reasons: list[Reason]) -> None:
    made = house(b.review_requested(), OBJECTED)
    refused(made, code, acts.make_decision, HEAD, b.CASE, "refused", reasons, [], [])


def test_refusal_takes_the_article_from_the_condition_it_cites() -> None:
    made = house(b.review_requested(), OBJECTED)
    reasons = [Reason(condition="traffic-kept-safe", text="通道太窄", article="")]
    asyncio.run(made.act(acts.make_decision, HEAD, b.CASE, "refused", reasons, [], []))
    assert "32" in made.said[0][2]["reasons"][0]["article"]
    refused(made, "already_decided", acts.make_decision, HEAD, b.CASE, "refused", reasons, [], [])


@pytest.mark.parametrize("name", ["given_at", "decided_at", "reported_at", "at", "time", "now"])
@pytest.mark.parametrize(
    ("body", "good"),
    [
        (OpinionBody, {"outcome": "consent", "answers": []}),
        (DecisionBody, {"decision": "granted"}),
        (DefectsBody, {"defects": []}),
    ],
)
def test_nobody_tells_the_time_of_an_act(body: type[BaseModel], good: dict[str, Any], name: str) -> None:
    body.model_validate(good)
    with pytest.raises(ValidationError):
        body.model_validate({**good, name: "2026-01-01T01:00:00Z"})
