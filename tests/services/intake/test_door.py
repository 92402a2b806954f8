"""The JSON door: what it takes, what it refuses with which code, whose objects it shows."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from services.intake.handlers.capability import grant_reading
from tests.services.intake.builders import FACTS, item
from tests.services.intake.door import PDF, Door
from tests.services.intake.house import charge, decision, opinion, payment

WINDOW = "window-01/window_officer"
STRANGER = "applicant-02/applicant"


async def application(door: Door, leave_out: tuple[str, ...] = (), **changes: Any) -> dict[str, Any]:
    """A body for POST /api/applications, its files uploaded."""
    sha256 = (await door.upload()).json()["sha256"]
    facts = {**FACTS["road-occupation"], **changes}
    return {
        "item_code": "road-occupation",
        "applicant": {"kind": "legal"},
        "facts": {key: value for key, value in facts.items() if key not in leave_out},
        "materials": [
            {"code": each.code, "sha256": sha256, "name": "plan.pdf"}
            for each in item().materials
            if each.code not in leave_out
        ],
    }


async def filed(door: Door, leave_out: tuple[str, ...] = ()) -> str:
    answer = await door.post("/api/applications", await application(door, leave_out))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["case_id"])


def problem(response: httpx.Response) -> tuple[int, str]:
    assert response.headers["content-type"].startswith("application/problem+json"), response.text
    body = response.json()
    assert body["status"] == response.status_code
    assert "trace_id" in body
    return response.status_code, body["code"]


async def test_an_application_is_answered_with_number_voucher_and_last_day(door: Door) -> None:
    answer = await door.post("/api/applications", await application(door))
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert told["application_no"].startswith("AL-2026-")
    assert told["clock"]["due_on"] == "2026-01-07"
    assert told["voucher"]["issuer"] == "intake"
    assert told["missing"] == []


async def test_the_same_key_gives_the_same_bytes_and_one_case(door: Door) -> None:
    body = await application(door)
    first = await door.post("/api/applications", body, key="same-key-1")
    again = await door.post("/api/applications", body, key="same-key-1")
    assert (first.content, first.status_code) == (again.content, again.status_code)
    body["facts"]["days"] = 5
    assert problem(await door.post("/api/applications", body, key="same-key-1")) == (422, "client_key_reused")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"item_code": "unheard-of"}, (404, "unknown_item")),
        ({"item_version": 9}, (404, "unknown_item")),
        ({"item_version": "1"}, (422, "invalid_request")),
        ({"facts": {"area_m2": "-5"}}, (422, "invalid_facts")),
        ({"facts": {"x" * 300: 1}}, (422, "invalid_facts")),
        ({"facts": []}, (422, "invalid_request")),
        ({"applicant": {"kind": "god"}}, (422, "invalid_request")),
        ({"applicant": {"kind": "legal", "name": "Zhang"}}, (422, "invalid_request")),
        ({"more": 1}, (422, "invalid_request")),
        ({"materials": [{"code": "site-plan", "sha256": "0" * 64, "name": "x"}]}, (422, "invalid_materials")),
        ({"materials": [{"code": "site-plan", "sha256": "0", "name": "x"}]}, (422, "invalid_request")),
        ({"on_behalf_of": "applicant-03"}, (403, "not_your_function")),
    ],
)
async def test_bad_input_changes_nothing(door: Door, change: dict[str, Any], code: tuple[int, str]) -> None:
    before = await door.house.rows("SELECT count(*) FROM cases")
    body = {**await application(door), **change}
    assert problem(await door.post("/api/applications", body)) == code
    assert await door.house.rows("SELECT count(*) FROM cases") == before


async def test_a_window_officer_receives_for_the_person_in_front(door: Door) -> None:
    sha256 = (await door.upload(who=WINDOW)).json()["sha256"]
    body = {**await application(door), "on_behalf_of": "applicant-02"}
    body["materials"] = [{"code": "site-plan", "sha256": sha256, "name": "plan.pdf"}]
    case_id = (await door.post("/api/applications", body, WINDOW)).json()["case_id"]
    assert (await door.get(f"/api/cases/{case_id}", STRANGER)).json()["channel"] == "window"
    assert problem(await door.get(f"/api/cases/{case_id}")) == (404, "not_found")


@pytest.mark.parametrize(
    ("content", "media", "code"),
    [
        (b"", "application/pdf", (415, "bad_material")),
        (b"MZ\x00", "application/pdf", (415, "bad_material")),
        (PDF, "image/png", (415, "bad_material")),
        (b"%PDF-" + b"0" * (5 * 1024 * 1024), "application/pdf", (413, "material_too_large")),
    ],
)
async def test_a_bad_file_is_not_kept(door: Door, content: bytes, media: str, code: tuple[int, str]) -> None:
    assert problem(await door.upload(content, media)) == code


async def test_a_file_is_read_by_its_uploader_the_window_and_by_capability_only(door: Door) -> None:
    sha256 = (await door.upload(b"%PDF-1.7 own")).json()["sha256"]
    key = door.app.state.settings.capability_key()
    path = f"/api/materials/{sha256}"
    assert (await door.get(path)).content == b"%PDF-1.7 own"
    assert (await door.get(path, WINDOW)).status_code == 200
    good = grant_reading(key, "c" * 32, "fire", [sha256], lease_s=60)
    assert (await door.get(path, None, capability=good)).headers["content-type"] == "application/pdf"
    ended = grant_reading(key, "c" * 32, "fire", [sha256], lease_s=-60)
    other = grant_reading(key, "c" * 32, "fire", ["0" * 64], lease_s=60)
    for response in (
        await door.get(path, STRANGER), await door.get(path, None), await door.get(path, None, capability=ended),
        await door.get(path, None, capability=other), await door.get(path, None, capability="x.y.z"),
        await door.get(path, None, capability=good[:-6] + "AAAAAA"),
        await door.get(f"/api/materials/{'f' * 64}"),
    ):  # fmt: skip
        assert problem(response) == (404, "not_found")


async def test_somebody_elses_case_looks_exactly_like_a_missing_one(door: Door) -> None:
    case_id = await filed(door)
    missing = await door.get(f"/api/cases/{'0' * 32}", STRANGER)
    for response in (
        await door.get(f"/api/cases/{case_id}", STRANGER),
        await door.get(f"/api/cases/{case_id}/documents/receipt", STRANGER),
        await door.post(f"/api/cases/{case_id}/withdrawal", {}, STRANGER),
        await door.post(f"/api/cases/{case_id}/correction", {}, STRANGER),
        await door.post(f"/api/cases/{case_id}/delivery", {}, STRANGER),
    ):
        assert problem(response) == problem(missing)
        assert {**response.json(), "trace_id": 0} == {**missing.json(), "trace_id": 0}
    listed = (await door.get("/api/cases", STRANGER)).json()["cases"]
    assert case_id not in [case["case_id"] for case in listed]


async def test_only_the_window_accepts_notifies_and_declines(door: Door) -> None:
    case_id = await filed(door)
    for act in ("correction-request", "acceptance", "decline"):
        assert problem(await door.post(f"/api/cases/{case_id}/{act}", {})) == (403, "not_your_function")
        assert problem(await door.post(f"/api/cases/{case_id}/{act}", {}, None)) == (401, "person_needed")
    assert problem(await door.post(f"/api/cases/{case_id}/withdrawal", {}, WINDOW)) == (
        403,
        "not_your_function",
    )


async def test_acts_out_of_order_are_refused_by_name(door: Door) -> None:
    case_id = await filed(door, ("traffic-plan",))
    path = f"/api/cases/{case_id}"
    assert problem(await door.post(f"{path}/acceptance", {}, WINDOW)) == (409, "not_complete")
    assert problem(await door.post(f"{path}/correction", {})) == (409, "no_correction_asked")
    assert problem(await door.post(f"{path}/delivery", {})) == (409, "not_yet")
    assert (await door.post(f"{path}/correction-request", {}, WINDOW)).status_code == 201
    assert problem(await door.post(f"{path}/correction-request", {}, WINDOW)) == (409, "already_requested")
    assert problem(await door.post(f"{path}/correction", {})) == (422, "invalid_correction")
    sent = {"defects": [{"target": "soul", "what": "sell it"}]}
    other = await filed(door)
    assert problem(await door.post(f"/api/cases/{other}/correction-request", sent, WINDOW)) == (
        422,
        "invalid_defects",
    )
    assert problem(await door.post(f"/api/cases/{other}/correction-request", {}, WINDOW)) == (
        409,
        "nothing_to_correct",
    )
    assert (await door.post(f"/api/cases/{other}/withdrawal", {})).status_code == 201
    assert problem(await door.post(f"/api/cases/{other}/acceptance", {}, WINDOW)) == (409, "case_closed")


async def test_the_view_says_what_a_case_waits_for_and_why_each_date(door: Door) -> None:
    case_id = await filed(door)
    view = (await door.get(f"/api/cases/{case_id}")).json()
    assert [each["kind"] for each in view["waits_for"]] == [
        "completeness_check", "completeness_check", "notice_or_acceptance",
    ]  # fmt: skip
    assert (await door.post(f"/api/cases/{case_id}/acceptance", {}, WINDOW)).status_code == 201
    view = (await door.get(f"/api/cases/{case_id}")).json()
    assert {each["department"] for each in view["waits_for"]} == {"urban_management", "traffic_police"}
    promised = next(each for each in view["due"] if each["kind"] == "decision_promised")
    assert (promised["due_on"], promised["used_wd"], promised["left_wd"]) == ("2026-01-08", 0, 3)
    assert [(day["on"], day["reason"], day["number"]) for day in promised["days"]] == [
        ("2026-01-05", "starting_day", None), ("2026-01-06", "working_day", 1),
        ("2026-01-07", "working_day", 2), ("2026-01-08", "working_day", 3),
    ]  # fmt: skip
    assert "applicant-01" not in str(view), "no login leaves with a view"


async def test_lists_search_filter_and_page(door: Door) -> None:
    who = "applicant-09/applicant"
    sha256 = (await door.upload(who=who)).json()["sha256"]
    made = []
    for _ in range(3):
        body = await application(door)
        body["materials"] = [{"code": "site-plan", "sha256": sha256, "name": "plan.pdf"}]
        made.append((await door.post("/api/applications", body, who)).json())
    found = (await door.get("/api/cases", who, limit=2)).json()
    assert (found["total"], found["pages"], len(found["cases"])) == (3, 2, 2)
    assert (await door.get("/api/cases", who, q=made[1]["application_no"])).json()["total"] == 1
    assert (await door.get("/api/cases", who, q="占用城市道路")).json()["total"] == 3
    assert (await door.get("/api/cases", who, state="delivered")).json()["total"] == 0
    for words in ("%", "_", "' or 1=1 --", "\\"):
        assert (await door.get("/api/cases", who, q=words)).json()["total"] == 0, words
    assert problem(await door.get("/api/cases", who, limit=101)) == (422, "invalid_request")


async def test_papers_are_given_exactly_as_signed(door: Door) -> None:
    case_id = await filed(door)
    answer = (await door.post(f"/api/cases/{case_id}/acceptance", {}, WINDOW)).json()
    paper = (await door.get(f"/api/cases/{case_id}/documents/acceptance")).json()
    assert paper == {"document": answer["voucher"], "sha256": answer["voucher_sha256"], "proof": None}
    assert problem(await door.get(f"/api/cases/{case_id}/documents/permit")) == (404, "not_found")
    assert problem(await door.get(f"/api/cases/{case_id}/documents/diary")) == (422, "invalid_request")


async def test_a_case_goes_from_the_form_to_the_delivered_permit(door: Door) -> None:
    case_id = await filed(door)
    await door.post(f"/api/cases/{case_id}/acceptance", {}, WINDOW)
    case = await door.house.case(case_id)
    await door.house.hear(opinion(case, "urban_management"), opinion(case, "traffic_police"))
    await door.house.hear(decision(case), charge(case, bill_no="B-2026-000077"))
    view = (await door.get(f"/api/cases/{case_id}")).json()
    assert [each["kind"] for each in view["waits_for"]] == ["payment"]
    await door.house.hear(payment(case, bill_no="B-2026-000077"))
    permit = (await door.get(f"/api/cases/{case_id}/documents/permit")).json()
    assert permit["document"]["kind"] == "permit"
    assert (await door.post(f"/api/cases/{case_id}/delivery", {})).json()["how"] == "online"
    view = (await door.get(f"/api/cases/{case_id}")).json()
    assert (view["state"], view["waits_for"]) == ("delivered", [])
    assert problem(await door.post(f"/api/cases/{case_id}/delivery", {})) == (409, "case_closed")
    assert problem(await door.post(f"/api/cases/{case_id}/withdrawal", {})) == (409, "case_closed")
