"""Bad input at every door of the core path: a clear problem with a stable code, and nothing changed."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.center import WholeCenter

FACTS = {"daily_m3": "18", "trade": "catering", "key_polluter": False}
APPLICATION = {"item_code": "drainage", "applicant": {"kind": "legal"}, "facts": FACTS, "materials": []}
PUBLISHED = {"year": 2030}


async def post(
    center: WholeCenter,
    person: str,
    url: str,
    body: Any,
    *,
    key: str | None = None,
    kind: str = "application/json",
) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {await center.cast.token(person)}", "Content-Type": kind}
    if key != "":
        headers["Idempotency-Key"] = key or uuid.uuid4().hex
    return await center.cast.http.post(url, content=content, headers=headers)


@dataclass(frozen=True)
class Bad:
    """One bad request: who sends what where, and the status and code that must come back."""

    name: str
    person: str
    service: str
    path: str
    body: Any
    status: int
    code: str
    kind: str = "application/json"


NOBODYS = "f" * 32
BAD = [
    Bad("missing members", "applicant-01", "intake", "/api/applications", {}, 422, "invalid_request"),
    Bad(
        "unknown member",
        "applicant-01",
        "intake",
        "/api/applications",
        {**APPLICATION, "state": "granted"},
        422,
        "invalid_request",
    ),
    Bad(
        "mistyped fact",
        "applicant-01",
        "intake",
        "/api/applications",
        {**APPLICATION, "facts": {**FACTS, "key_polluter": "yes"}},
        422,
        "invalid_facts",
    ),
    Bad(
        "fact out of range",
        "applicant-01",
        "intake",
        "/api/applications",
        {**APPLICATION, "facts": {**FACTS, "daily_m3": "-1"}},
        422,
        "invalid_facts",
    ),
    Bad(
        "not a number",
        "applicant-01",
        "intake",
        "/api/applications",
        {**APPLICATION, "facts": {**FACTS, "daily_m3": "NaN"}},
        422,
        "invalid_facts",
    ),
    Bad(
        "unpublished item",
        "applicant-01",
        "intake",
        "/api/applications",
        {**APPLICATION, "item_code": "time-travel"},
        404,
        "unknown_item",
    ),
    Bad("not JSON", "applicant-01", "intake", "/api/applications", b'{"item', 422, "invalid_request"),
    Bad(
        "nested to death",
        "applicant-01",
        "intake",
        "/api/applications",
        b"[" * 50_000 + b"]" * 50_000,
        400,
        "bad_request",
    ),
    Bad(
        "oversized",
        "applicant-01",
        "intake",
        "/api/applications",
        b" " * (13 * 1024 * 1024),
        413,
        "too_large",
    ),
    Bad(
        "oversized material",
        "applicant-01",
        "intake",
        "/api/materials",
        b"%PDF-1.4 " + b"x" * (6 * 1024 * 1024),
        413,
        "material_too_large",
        "application/pdf",
    ),
    Bad(
        "disguised material",
        "applicant-01",
        "intake",
        "/api/materials",
        b"<script>alert(1)</script>",
        415,
        "bad_material",
        "application/pdf",
    ),
    Bad("out of order", "window-01", "intake", "/api/cases/{case}/acceptance", {}, 409, "*"),
    Bad("someone else's", "applicant-02", "intake", "/api/cases/{case}/withdrawal", {}, 404, "not_found"),
    Bad("missing case", "window-01", "intake", f"/api/cases/{NOBODYS}/acceptance", {}, 404, "not_found"),
    Bad(
        "opinion without a task",
        "fire-examiner",
        "review",
        f"/api/tasks/{NOBODYS}/opinion",
        {"outcome": "consent", "answers": []},
        404,
        "not_found",
    ),
    Bad(
        "unknown outcome",
        "fire-examiner",
        "review",
        f"/api/tasks/{NOBODYS}/opinion",
        {"outcome": "maybe", "answers": []},
        422,
        "invalid_request",
    ),
    Bad(
        "decision without a task",
        "fire-head",
        "review",
        f"/api/tasks/{NOBODYS}/decision",
        {"decision": "granted"},
        404,
        "not_found",
    ),
    Bad(
        "payment of nothing",
        "applicant-01",
        "fee",
        "/api/bills/B-2026-999999/payment",
        {"channel": "demonstration"},
        404,
        "not_found",
    ),
    Bad(
        "an amount from a person",
        "applicant-01",
        "fee",
        "/api/bills/B-2026-999999/payment",
        {"channel": "demonstration", "amount_fen": 1},
        422,
        "invalid_request",
    ),
    Bad("half a calendar", "editor-01", "disclosure", "/api/calendars", PUBLISHED, 422, "*"),
    Bad("half an item", "editor-01", "disclosure", "/api/items", {"item_code": "x"}, 422, "*"),
    Bad("half a tariff", "editor-01", "disclosure", "/api/tariffs", {"tariff_code": "x"}, 422, "*"),
]


@pytest.fixture(scope="module")
def declined_case(center: WholeCenter) -> str:
    """A case that is at its end: declined by the window."""
    filed = center.act("applicant-01", f"{center.site('intake')}/api/applications", APPLICATION)
    body = {"reason_code": "not_competent", "reason": "x", "right_agency": {"zh": "省厅", "en": "Province"}}
    center.act("window-01", f"{center.site('intake')}/api/cases/{filed['case_id']}/decline", body)
    center.settle()
    return str(filed["case_id"])


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name.replace(" ", "-"))
def test_bad_input_is_refused_clearly_and_changes_nothing(
    center: WholeCenter, declined_case: str, bad: Bad
) -> None:
    site = center.site(bad.service, "fire") if bad.service == "review" else center.site(bad.service)
    before = center.read("window-01", f"{center.site('intake')}/api/cases?limit=1")["total"]
    answer = center.run(
        post(center, bad.person, site + bad.path.replace("{case}", declined_case), bad.body, kind=bad.kind)
    )
    problem = answer.json()
    assert answer.status_code == bad.status, answer.text[:500]
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert problem["status"] == bad.status
    assert bad.code in ("*", problem["code"])
    assert problem["code"].replace("_", "").isalnum()
    assert problem["trace_id"]
    assert "Traceback" not in answer.text
    assert center.read("window-01", f"{center.site('intake')}/api/cases?limit=1")["total"] == before


def test_a_command_without_a_key_is_refused(center: WholeCenter) -> None:
    answer = center.run(
        post(center, "applicant-01", f"{center.site('intake')}/api/applications", APPLICATION, key="")
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "client_key_missing")


def test_a_replayed_command_gives_the_same_bytes_and_one_case(center: WholeCenter) -> None:
    url, key = f"{center.site('intake')}/api/applications", uuid.uuid4().hex
    before = center.read("window-01", f"{center.site('intake')}/api/cases?limit=1")["total"]
    first, again = (center.run(post(center, "applicant-01", url, APPLICATION, key=key)) for _ in range(2))
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    other = center.run(
        post(center, "applicant-01", url, {**APPLICATION, "facts": {**FACTS, "daily_m3": "19"}}, key=key)
    )
    assert (other.status_code, other.json()["code"]) == (422, "client_key_reused")
    assert center.read("window-01", f"{center.site('intake')}/api/cases?limit=1")["total"] == before + 1
    center.act("applicant-01", f"{center.site('intake')}/api/cases/{first.json()['case_id']}/withdrawal", {})
