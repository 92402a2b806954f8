"""The department's pages: queue, task, forms that keep what was typed, two languages, the same rules."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import httpx
import pytest

from libs.envelope import new_id
from tests.services.review import builders as b
from tests.services.review.conftest import Department

DESK = f"/desk/{b.CASE}"
EXAMINER = f"e/examiner/{b.LEAD}"
HEAD = f"h/department_head/{b.LEAD}"
MET = {
    "act": "opinion", "outcome": "consent",
    "road-old-enough-answer": "met", "road-restored-answer": "met",
}  # fmt: skip


async def page(department: Department, path: str, who: str = EXAMINER, **params: Any) -> str:
    headers = {"x-person": who, "accept": "text/html"}
    answer = await department.client.get(path, params=params, headers=headers)
    assert answer.status_code == 200, answer.text[:2000]
    assert "style=" not in answer.text.replace("stylesheet", "")
    assert answer.text.count("<h1") == 1
    return answer.text


async def send(
    department: Department, values: dict[str, str], who: str = EXAMINER, **headers: str
) -> httpx.Response:
    form = {"client_key": new_id(), **values}
    sent = {"x-person": who, "accept": "text/html", "origin": "http://review.test", **headers}
    return await department.client.post(DESK, data=form, headers=sent)


def field(html: str, name: str) -> str:
    """The text typed into a textarea of the page."""
    found = re.search(rf'<textarea[^>]*id="{name}"[^>]*>(.*?)</textarea>', html, re.S)
    assert found, name
    return found[1].strip()


@pytest.mark.parametrize(
    ("language", "words"), [("zh", "现在没有要办的事"), ("en", "Nothing is to be done now")]
)
async def test_empty_desk_says_what_is_true(department: Department, language: str, words: str) -> None:
    assert words in await page(department, "/desk", lang=language)
    assert (await department.client.get("/")).headers["location"] == "/desk"


async def test_desk_shows_the_queue_by_due_day(department: Department) -> None:
    await department.hear(
        b.review_requested(case_id="1" * 32, clock=b.clock("review", "2026-02-27", 1, "2026-02-28"))
    )
    await department.hear(b.review_requested())
    await department.hear(
        b.review_requested(case_id="3" * 32, released=False, clock=None, after=["planning"])
    )
    html = await page(department, "/desk")
    assert html.index("1" * 32) < html.index(b.CASE) < html.index("3" * 32)
    assert "逾期 2 个工作日" in html
    assert "等自然资源和规划" in html
    english = await page(department, "/desk", lang="en")
    assert "Overdue by 2 working days" in english
    assert not re.search(r"工作日|待办|办件", re.sub(r'lang="zh-CN"[^<]*<', "", english))
    assert b.CASE not in await page(department, "/desk", view="done")
    assert "没有找到“nothing”" in await page(department, "/desk", q="nothing", lang="zh")


async def test_task_explains_its_day_and_shows_facts_materials_and_opinions(department: Department) -> None:
    await department.hear(b.review_requested(), b.review_released())
    html = await page(department, DESK)
    for words in (
        "为什么是这一天？",
        "挖掘面积（平方米）",
        "施工交通组织方案",
        "正在从窗口取",
        "交警",
        "逐条写意见",
    ):
        assert words in html, words
    assert "No opinion has been told" not in await page(department, DESK, lang="en")


async def test_opinion_is_given_by_form_once_per_client_key(department: Department) -> None:
    await department.hear(b.review_requested())
    form = {**MET, "client_key": "page-key-1"}
    first, again = await send(department, form), await send(department, form)
    assert (first.status_code, first.headers["location"]) == (303, f"{DESK}?done=opinion")
    assert again.status_code in (303, 409)
    assert [each["type"] for each in await department.said()] == ["review.opinion_given.v1"]
    html = await page(department, DESK, done="opinion")
    assert "意见已签名并送出" in html
    assert "ow-seal" in html


async def test_refused_form_keeps_what_was_typed_and_links_to_the_field(department: Department) -> None:
    await department.hear(b.review_requested())
    values = {
        **MET, "outcome": "object", "road-restored-answer": "not_met",
        "road-old-enough-evidence": "竣工 <b>2015</b> 年",
    }  # fmt: skip
    answer = await send(department, values)
    assert answer.status_code == 422
    assert 'href="#road-restored-evidence"' in answer.text
    assert field(answer.text, "road-old-enough-evidence") == "竣工 &lt;b&gt;2015&lt;/b&gt; 年"
    assert re.search(r'value="not_met"[^>]*checked', answer.text)
    assert await department.said() == []


@pytest.mark.parametrize(
    ("change", "anchor"),
    [
        ({"outcome": ""}, "outcome"),
        ({"road-restored-answer": ""}, "road-restored-answer"),
        ({"road-restored-answer": "maybe"}, "road-restored-answer"),
        ({"outcome": "consent_with_conditions"}, "conditions"),
        ({"conditions": "夜间施工"}, "outcome"),
        ({"road-restored-evidence": "x" * 4001}, "road-restored-evidence"),
    ],
)
async def test_each_error_stands_at_its_field(
    department: Department, change: dict[str, str], anchor: str
) -> None:
    await department.hear(b.review_requested())
    answer = await send(department, {**MET, **change})
    assert answer.status_code == 422
    assert f'href="#{anchor}"' in answer.text
    assert f'id="{anchor}"' in answer.text


async def test_state_refusal_is_said_in_the_persons_words(department: Department) -> None:
    await department.hear(b.review_requested(released=False, clock=None, after=["planning"]))
    assert "逐条写意见" not in await page(department, DESK)
    answer = await send(department, MET)
    assert answer.status_code == 409
    assert "前序部门还没有办完" in answer.text


async def test_defects_are_named_by_form(department: Department) -> None:
    await department.hear(b.check_requested())
    empty = await send(department, {"act": "defects"})
    assert (empty.status_code, 'href="#target-1"' in empty.text) == (422, True)
    half = await send(department, {"act": "defects", "target-2": "design-drawing"})
    assert (half.status_code, 'href="#what-2"' in half.text) == (422, True)
    done = await send(department, {"act": "defects", "target-2": "design-drawing", "what-2": "没有比例尺"})
    assert done.status_code == 303
    [said] = await department.said()
    assert [(each["no"], each["target"]) for each in said["data"]["defects"]] == [(1, "design-drawing")]


async def test_no_defects_are_said_by_button(department: Department) -> None:
    await department.hear(b.check_requested())
    assert (await send(department, {"act": "defects", "none": "1"})).status_code == 303
    assert (await department.said())[0]["data"]["defects"] == []
    assert "没有发现缺陷" in await page(department, DESK)


async def test_head_answers_the_objection_and_signs(department: Department) -> None:
    await department.hear(b.review_requested(), b.decision_due(opinions=[b.summary(outcome="object")]))
    assert "这一步由部门负责人签署" in await page(department, DESK)
    unanswered = await send(department, {"act": "decision", "decision": "granted"}, HEAD)
    assert (unanswered.status_code, 'href="#reply-traffic_police"' in unanswered.text) == (422, True)
    unreasoned = await send(department, {"act": "decision", "decision": "refused"}, HEAD)
    assert (unreasoned.status_code, 'href="#reason-text"' in unreasoned.text) == (422, True)
    form = {
        "act": "decision",
        "decision": "granted",
        "reply-traffic_police": "已改道",
        "conditions": "夜间\n\n围挡",
    }
    assert (await send(department, form, HEAD)).status_code == 303
    [said] = await department.said()
    assert said["data"]["answers"] == [{"department": "traffic_police", "answer": "已改道"}]
    assert said["data"]["conditions"] == ["夜间", "围挡"]
    assert "准予许可" in await page(department, DESK, HEAD)


async def test_forms_from_elsewhere_and_from_others_do_nothing(department: Department) -> None:
    await department.hear(b.review_requested(), b.decision_due())
    assert (await send(department, MET, origin="http://evil.test")).status_code == 403
    assert (await send(department, {"act": "decision", "decision": "granted"})).status_code == 403
    assert (await send(department, {"act": "erase"})).status_code == 404
    assert (await send(department, MET, "x/examiner/fire")).status_code == 404
    assert (await send(department, MET, "")).status_code in (303, 401)
    assert await department.said() == []


async def test_done_work_is_listed_apart(department: Department) -> None:
    await department.hear(b.review_requested())
    await send(department, MET)
    assert b.CASE not in await page(department, "/desk")
    assert b.CASE in await page(department, "/desk", view="done")


async def test_date_beyond_the_published_calendar_says_it_is_provisional(department: Department) -> None:
    department.at(datetime.fromisoformat("2026-12-29T02:00:00Z"))
    clock = {**b.clock("review", "2026-12-28", 5, "2027-01-04"), "provisional": True}
    await department.hear(b.review_requested(clock=clock))
    assert "暂定" in await page(department, "/desk")
    assert "provisional" in await page(department, DESK, lang="en")
