"""The pages: the form in one post, kept input, the board, the answer to the notice, the desk; in two languages."""

from __future__ import annotations

import re

import pytest

from tests.services.intake.builders import FACTS
from tests.services.intake.door import PDF, Door
from tests.services.intake.house import charge, decision, opinion, payment
from tests.services.intake.test_door import WINDOW, filed

FACT_FIELDS = {f"facts.{code}": str(value) for code, value in FACTS["road-occupation"].items()}
FILES = {
    f"materials.{code}": (f"{code}.pdf", PDF, "application/pdf")
    for code in ("site-plan", "site-photo", "traffic-plan", "restoration-undertaking")
}


@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_the_form_asks_the_published_fields_and_materials(door: Door, lang: str) -> None:
    page = await door.page("/apply/road-occupation", lang=lang)
    assert page.status_code == 200
    for code in FACTS["road-occupation"]:
        assert f'name="facts.{code}"' in page.text
    assert page.text.count('type="file"') == 4
    assert page.text.count("<h1") == 1
    assert ("提交申请" if lang == "zh" else "Send the application") in page.text
    assert "<script" not in page.text
    assert " style=" not in page.text


async def test_one_post_files_with_its_materials_and_shows_number_and_last_day(door: Door) -> None:
    answer = await door.send(
        "/apply/road-occupation", {"applicant.kind": "legal", **FACT_FIELDS}, files=FILES
    )
    assert answer.status_code == 303, answer.text
    page = await door.page(answer.headers["location"])
    assert page.status_code == 200
    assert re.search(r"AL-2026-\d{6}", page.text)
    assert "7 January 2026" in page.text
    assert page.text.count("<h1") == 1


async def test_a_refused_form_keeps_what_was_typed_and_uploaded(door: Door) -> None:
    wrong = {"applicant.kind": "legal", **FACT_FIELDS, "facts.area_m2": "1x", "facts.days": "5000"}
    page = await door.send("/apply/road-occupation?lang=zh", wrong, files=FILES)
    assert page.status_code == 422
    assert 'value="1x"' in page.text
    assert "不能大于 1095" in page.text
    assert 'href="#facts.area_m2"' in page.text
    kept = dict(re.findall(r'name="(kept\.[a-z-]+)" value="([^"]+)"', page.text))
    assert len(kept) == 4
    again = {**wrong, **kept, "facts.area_m2": "12", "facts.days": "28"}
    answer = await door.send("/apply/road-occupation", again)
    assert answer.status_code == 303, answer.text
    case = await door.house.case(answer.headers["location"].split("/")[2].split("?")[0])
    assert len(case.materials) == 4
    assert case.noted == ()


async def test_a_bad_file_is_an_error_at_its_field(door: Door) -> None:
    files = {**FILES, "materials.site-plan": ("virus.exe", b"MZ\x00\x01", "application/pdf")}
    page = await door.send("/apply/road-occupation", {"applicant.kind": "legal", **FACT_FIELDS}, files=files)
    assert page.status_code == 422
    assert 'href="#materials.site-plan"' in page.text
    assert page.text.count('name="kept.') == 3


async def test_an_incomplete_form_is_received_and_says_what_is_missing(door: Door) -> None:
    answer = await door.send("/apply/road-occupation", {"applicant.kind": "legal", "facts.days": "28"})
    page = await door.page(answer.headers["location"])
    assert "Plan to keep the way passable" in page.text


async def test_a_form_from_another_site_is_refused(door: Door) -> None:
    answer = await door.send("/apply/road-occupation", FACT_FIELDS, origin="http://evil.test")
    assert answer.status_code == 403


async def test_the_notice_is_answered_item_by_item(door: Door) -> None:
    case_id = await filed(door, ("traffic-plan", "area_m2"))
    await door.post(f"/api/cases/{case_id}/correction-request", {}, WINDOW)
    assert "/correction" in (await door.page(f"/cases/{case_id}")).text
    path = f"/cases/{case_id}/correction"
    page = await door.page(path)
    assert 'name="facts.area_m2"' in page.text
    assert 'name="materials.traffic-plan"' in page.text
    refused = await door.send(path, {"facts.area_m2": "120"})
    assert refused.status_code == 422
    assert 'href="#answers.2"' in refused.text
    answer = await door.send(
        path, {"facts.area_m2": "120"}, files={"materials.traffic-plan": ("t.pdf", PDF, "application/pdf")}
    )
    assert answer.status_code == 303, answer.text
    assert (await door.house.case(case_id)).state == "corrected"
    assert (await door.page(path, "applicant-02/applicant")).status_code == 404


@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_the_board_shows_every_stage(door: Door, lang: str) -> None:
    case_id = await filed(door)
    path = f"/cases/{case_id}"
    pages = [await door.page(path, lang=lang)]
    await door.post(f"/api{path}/acceptance", {}, WINDOW)
    pages.append(await door.page(path, lang=lang))
    case = await door.house.case(case_id)
    bill = f"B-2026-9{case.application_no[-5:]}"
    steps = (
        opinion(case, "urban_management"), opinion(case, "traffic_police", "object"),
        decision(case, "granted", answers=[{"department": "traffic_police", "answer": "widened"}]),
        charge(case, bill_no=bill), payment(case, bill_no=bill),
    )  # fmt: skip
    for step in steps:
        await door.house.hear(step)
        pages.append(await door.page(path, lang=lang))
    delivered = await door.send(f"{path}/delivery", {})
    assert delivered.status_code == 303
    pages.append(await door.page(path, lang=lang))
    for page in pages:
        assert page.status_code == 200
        assert page.text.count("<h1") == 1
        assert "{" not in re.sub(r"<p class=\"ow-mono\">.*?</p>", "", page.text, flags=re.DOTALL), (
            "an unfilled text"
        )
        if lang == "en":
            assert_english(page.text)
    assert (await door.house.case(case_id)).state == "delivered"
    assert "AP-2026-" in pages[-1].text


def assert_english(text: str) -> None:
    """No Chinese sentence is left on an English page (names of law, seals and bilingual data apart)."""
    main = re.search(r"<main.*?</main>", text, re.DOTALL)
    assert main
    signed = re.sub(r'<p class="ow-mono">.*?</p>', "", main.group(), flags=re.DOTALL)
    plain = re.sub(r"<[^>]+>", " ", signed)
    left = re.findall(r"[\u4e00-\u9fff]{2,}", plain)
    assert not left, left


async def test_a_refusal_shows_reasons_and_the_five_remedies(door: Door) -> None:
    case_id = await filed(door)
    await door.post(f"/api/cases/{case_id}/acceptance", {}, WINDOW)
    case = await door.house.case(case_id)
    await door.house.hear(opinion(case, "urban_management"), opinion(case, "traffic_police", "object"))
    await door.house.hear(decision(case, "refused"))
    page = await door.page(f"/cases/{case_id}")
    assert "pedestrians cannot pass" in page.text
    for words in ("6 March 2026", "6 July 2026", "Municipal People&#39;s Government"):
        assert words in page.text


async def test_withdrawing_from_the_page(door: Door) -> None:
    case_id = await filed(door)
    assert (await door.send(f"/cases/{case_id}/withdrawal", {}, "applicant-02/applicant")).status_code == 404
    assert (await door.send(f"/cases/{case_id}/withdrawal", {})).status_code == 303
    refused = await door.send(f"/cases/{case_id}/withdrawal", {})
    assert refused.status_code == 409
    assert "govuk-error-summary" in refused.text


@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_the_list_and_the_desk_render(door: Door, lang: str) -> None:
    await filed(door)
    assert (await door.page("/cases", lang=lang)).status_code == 200
    empty = await door.page("/cases", "applicant-44/applicant", lang=lang)
    assert ("您还没有办件" if lang == "zh" else "You have no cases yet") in empty.text
    for path in ("/desk", "/desk?all=1", "/desk?q=AL-2026"):
        page = await door.page(path, WINDOW, lang)
        assert page.status_code == 200
        assert "AL-2026-" in page.text
    assert (await door.page("/desk")).status_code == 403


async def test_the_window_works_from_its_desk(door: Door) -> None:
    lacking, complete, foreign = await filed(door, ("traffic-plan",)), await filed(door), await filed(door)
    for case_id in (lacking, complete):
        page = await door.page(f"/desk/{case_id}", WINDOW)
        assert page.status_code == 200
        assert_english(page.text)
        assert len(re.findall(r'class="govuk-button"', page.text)) == 1, "one filled button per view"
    form = {"act": "request", "target.1": "site-photo", "what.1": "blurred", "article.1": "art. 3"}
    assert (await door.send(f"/desk/{lacking}", form, WINDOW)).status_code == 303
    noticed = (await door.house.case(lacking)).correction
    assert noticed is not None
    assert [defect.target for defect in noticed.defects] == ["traffic-plan", "site-photo"]
    assert (await door.send(f"/desk/{complete}", {"act": "accept"}, WINDOW)).status_code == 303
    assert (await door.house.case(complete)).state == "accepted"
    wrong = {"act": "decline", "reason_code": "not_competent", "reason": "ask the county"}
    refused = await door.send(f"/desk/{foreign}", wrong, WINDOW)
    assert refused.status_code == 422
    assert "ask the county" in refused.text
    right = {**wrong, "right_agency.zh": "县政府", "right_agency.en": "The county"}
    assert (await door.send(f"/desk/{foreign}", right, WINDOW)).status_code == 303
    assert (await door.send(f"/desk/{foreign}", {"act": "dance"}, WINDOW)).status_code == 422
    assert (await door.page(f"/desk/{foreign}", WINDOW)).status_code == 200
