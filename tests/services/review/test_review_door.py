"""The department's API on a real database: queue, task, acts, retries, bad input, other people's objects."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from libs.signatures import document_sha256
from tests.services.review import builders as b
from tests.services.review.conftest import Department

OPINION: dict[str, Any] = {
    "outcome": "consent",
    "answers": [
        {"condition": "road-old-enough", "answer": "met"},
        {"condition": "road-restored", "answer": "met"},
    ],
}
HEAD = f"h/department_head/{b.LEAD}"
TASK = f"/api/tasks/{b.CASE}"


async def test_case_goes_from_check_to_signed_decision(department: Department) -> None:
    await department.hear(b.check_requested())
    told = await department.post(f"{TASK}/defects", {"defects": []})
    assert (told.status_code, told.json()["state"]) == (201, "checked")
    await department.hear(b.review_requested())
    assert (await department.get(TASK)).json()["may"] == ["opinion"]
    given = await department.post(f"{TASK}/opinion", OPINION)
    assert given.status_code == 201, given.text
    await department.hear(b.decision_due())
    assert (await department.get(TASK)).json()["may"] == ["decision"]
    taken = await department.post(f"{TASK}/decision", {"decision": "granted"}, HEAD)
    assert taken.status_code == 201, taken.text
    said = await department.said()
    assert [each["type"] for each in said] == [
        "review.defects_reported.v1", "review.opinion_given.v1", "review.decision_made.v1",
    ]  # fmt: skip
    assert {each["department"] for each in said} == {b.LEAD}
    assert {each["source"] for each in said} == {f"review/{b.LEAD}"}
    assert all(each["traceparent"].split("-")[1] == "a" * 32 for each in said)
    decision = said[2]["data"]["decision_document"]
    department.keys.verify(decision, issuer=f"review/{b.LEAD}", kind="decision")
    assert document_sha256(decision) == taken.json()["document_sha256"]
    view = (await department.get(TASK)).json()
    assert (view["state"], view["risk"], view["may"], view["clock"]) == ("decided", "done", [], None)


async def test_events_before_their_predecessors_are_parked_until_these_come(department: Department) -> None:
    case = "e" * 32
    await department.hear(b.review_released(case_id=case))
    assert await department.rows("SELECT count(*) FROM parked") == [(1,)]
    requested = b.review_requested(case_id=case, released=False, clock=None, after=["traffic_police"])
    await department.hear(requested)
    assert await department.rows("SELECT count(*) FROM parked") == [(0,)]
    view = (await department.get(f"/api/tasks/{case}")).json()
    assert (view["state"], view["clock"]["due_on"]) == ("open", "2026-03-06")
    assert [each["department"] for each in view["opinions"]] == ["traffic_police"]


async def test_queue_is_ordered_by_due_day_with_its_risk(department: Department) -> None:
    cases = {"late": "2026-03-02", "soon": "2026-03-03", "far": "2026-04-10"}
    for number, (name, due_on) in enumerate(cases.items()):
        limit = {"late": 1, "soon": 1, "far": 30}[name]
        clock = b.clock("review", "2026-02-28" if name == "late" else "2026-03-02", limit, due_on)
        await department.hear(b.review_requested(case_id=f"{number}" * 32, clock=clock))
    waiting = b.review_requested(case_id="9" * 32, released=False, clock=None, after=["planning"])
    await department.hear(waiting)
    listed = (await department.get("/api/tasks")).json()
    assert [each["risk"] for each in listed["tasks"]] == ["over", "risk", "run", "wait"]
    assert [each["case_id"][0] for each in listed["tasks"]] == ["0", "1", "2", "9"]
    assert listed["tasks"][0]["clock"]["left_wd"] == -1
    assert listed["tasks"][2]["clock"]["used_wd"] == 1
    assert listed["tasks"][3]["waits_for"] == ["planning"]
    assert (listed["total"], listed["pages"]) == (4, 1)
    second = (await department.get("/api/tasks", limit=3, page=2)).json()
    assert [each["case_id"][0] for each in second["tasks"]] == ["9"]


async def test_search_takes_words_literally(department: Department) -> None:
    await department.hear(b.review_requested())
    for words, found in {"000001": 1, "挖掘": 1, "Excavation": 1, "%": 0, "_": 0, "x' or 1=1": 0}.items():
        assert (await department.get("/api/tasks", q=words)).json()["total"] == found, words


async def test_check_leaves_the_queue_when_its_day_is_over(department: Department) -> None:
    await department.hear(b.check_requested())
    assert (await department.get("/api/tasks")).json()["total"] == 1
    department.at(datetime.fromisoformat("2026-03-04T02:00:00Z"))
    assert (await department.get("/api/tasks")).json()["total"] == 0
    assert (await department.get(TASK)).json()["may"] == []
    late = await department.post(f"{TASK}/defects", {"defects": []})
    assert (late.status_code, late.json()["code"]) == (409, "check_closed")


async def test_task_shows_own_facts_first_and_every_label(department: Department) -> None:
    await department.hear(b.review_requested())
    view = (await department.get(TASK)).json()
    owns = [fact["own"] for fact in view["facts"]]
    assert owns == sorted(owns, reverse=True)
    shown = {fact["code"]: fact["shown"]["zh"] for fact in view["facts"]}
    assert shown["young_road"] == "否"
    assert [each["code"] for each in view["conditions"]] == ["road-old-enough", "road-restored"]
    assert view["materials"][0]["arrived"] is False


async def test_same_key_gives_the_same_answer_and_one_opinion(department: Department) -> None:
    await department.hear(b.review_requested())
    first = await department.post(f"{TASK}/opinion", OPINION, key="client-key-1")
    again = await department.post(f"{TASK}/opinion", OPINION, key="client-key-1")
    assert (first.status_code, first.content) == (again.status_code, again.content)
    other = await department.post(f"{TASK}/opinion", {**OPINION, "conditions": ["x"]}, key="client-key-1")
    assert (other.status_code, other.json()["code"]) == (422, "client_key_reused")
    fresh = await department.post(f"{TASK}/opinion", OPINION)
    assert (fresh.status_code, fresh.json()["code"]) == (409, "already_given")
    assert len(await department.said()) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {**OPINION, "outcome": "perhaps"},
        {**OPINION, "answers": "all met"},
        {**OPINION, "answers": [{"condition": "road-restored", "answer": True}]},
        {**OPINION, "unknown": 1},
        {**OPINION, "conditions": [""]},
        {**OPINION, "conditions": ["x" * 5000]},
        {**OPINION, "conditions": ["x"] * 101},
        [],
    ],
)
async def test_opinion_that_cannot_be_read_is_refused(department: Department, body: Any) -> None:
    await department.hear(b.review_requested())
    refused = await department.post(f"{TASK}/opinion", body)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
    assert await department.said() == []


@pytest.mark.parametrize(
    ("who", "status", "code"),
    [
        ("", 401, "person_needed"),
        (f"a/applicant/{b.LEAD}", 403, "not_your_function"),
        ("e/examiner/fire", 404, "not_found"),
        ("e/examiner/", 404, "not_found"),
    ],
)
async def test_strangers_learn_nothing(department: Department, who: str, status: int, code: str) -> None:
    await department.hear(b.review_requested())
    for path in ("/api/tasks", TASK, f"{TASK}/materials/{b.PLAN_SHA256}", "/api/tasks/nothing"):
        answer = await department.get(path, who)
        assert (answer.status_code, answer.json()["code"]) == (status, code), path
    assert (await department.post(f"{TASK}/opinion", OPINION, who)).status_code == status
    assert await department.said() == []


async def test_examiner_signs_no_decision_and_head_gives_no_opinion(department: Department) -> None:
    await department.hear(b.review_requested(), b.decision_due())
    assert (await department.post(f"{TASK}/decision", {"decision": "granted"})).status_code == 403
    assert (await department.post(f"{TASK}/opinion", OPINION, HEAD)).status_code == 403


async def test_command_without_client_key_is_refused(department: Department) -> None:
    await department.hear(b.review_requested())
    answer = await department.client.post(
        f"{TASK}/opinion", json=OPINION, headers={"x-person": f"e/examiner/{b.LEAD}"}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "client_key_missing")
