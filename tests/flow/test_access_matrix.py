"""Every route of every service against every function: the matrix file is what really holds."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest
import yaml

from libs.flow import CONTRACTS
from tests.center import WholeCenter

DOCUMENT = yaml.safe_load((CONTRACTS / "access.yaml").read_text(encoding="utf-8"))
MATRIX = DOCUMENT["services"]
# What every service has and not everybody may use: tried at each of them.
SHARED = {route: rule for route, rule in DOCUMENT["every_service"].items() if "public" not in rule["roles"]}
PEOPLE = {
    "applicant": "applicant-03", "agent": "agent-01", "window_officer": "window-01", "examiner": "fire-examiner",
    "department_head": "fire-head", "supervisor": "supervisor-01", "finance_officer": "finance-01",
    "catalogue_editor": "editor-01", "auditor": "auditor-01", "payment_channel": "bank",
    "system_administrator": "administrator-01", "healer": "healer",
}  # fmt: skip
VALUES = {"case_id": "0" * 32, "sha256": "0" * 64, "code": "nothing", "item_code": "nothing", "kind": "receipt",
          "bill_no": "B-2026-999999", "index": "999999", "number": "999999"}  # fmt: skip
ROUTES = [
    (service, *route.split(" ", 1), rule["roles"])
    for service, routes in MATRIX.items()
    for route, rule in (*routes.items(), *SHARED.items())
]
JSON_ROUTES = [each for each in ROUTES if each[2].startswith(("/api", "/log"))]
PAGES = [each for each in ROUTES if not each[2].startswith(("/api", "/log"))]


async def knock(
    center: WholeCenter,
    service: str,
    method: str,
    path: str,
    token: str | None,
    accept: str = "application/json",
) -> httpx.Response:
    site = center.site(service, "fire") if service == "review" else center.site(service)
    headers = {"Accept": accept, "Idempotency-Key": uuid.uuid4().hex, "Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return await center.cast.http.request(
        method, site + path.format(**VALUES), headers=headers, content=b"{}" if method == "POST" else None
    )


@pytest.mark.parametrize(
    ("service", "method", "path", "roles"),
    JSON_ROUTES,
    ids=lambda value: str(value) if isinstance(value, str) else "",
)
def test_each_function_reaches_exactly_what_the_matrix_says(
    center: WholeCenter, service: str, method: str, path: str, roles: list[str]
) -> None:
    async def ask() -> dict[str, int]:
        statuses = {"nobody": (await knock(center, service, method, path, None)).status_code}
        statuses["bad token"] = (
            await knock(center, service, method, path, "eyJhbGciOiJub25lIn0.e30.")
        ).status_code
        for role, person in PEOPLE.items():
            statuses[role] = (
                await knock(center, service, method, path, await center.cast.token(person))
            ).status_code
        return statuses

    statuses = center.run(ask())
    if "public" in roles:
        del statuses["bad token"]
        assert not {
            status for status in statuses.values() if status in (401, 403) and path.startswith("/log")
        }
        return
    assert statuses.pop("nobody") == 401
    assert statuses.pop("bad token") == 401
    for role, status in statuses.items():
        if role in roles:
            assert status not in (401, 403), f"{role} is refused: {status}"
        else:
            assert status == 403, f"{role} gets in: {status}"
    assert all(status < 500 for status in statuses.values())


@pytest.mark.parametrize(
    ("service", "method", "path", "roles"),
    PAGES,
    ids=lambda value: str(value) if isinstance(value, str) else "",
)
def test_a_page_that_needs_a_person_shows_nobody_anything(
    center: WholeCenter, service: str, method: str, path: str, roles: list[str]
) -> None:
    answer = center.run(knock(center, service, method, path, None, accept="text/html"))
    assert answer.status_code < 500
    if "public" not in roles:
        assert answer.status_code in ((303,) if method == "GET" else (401, 403))


def test_every_identity_of_the_matrix_was_tried() -> None:
    named = {role for *_, roles in ROUTES for role in roles}
    assert named <= {*PEOPLE, "public"}
    assert len(JSON_ROUTES) > 60
    assert len(PAGES) > 50


def test_routes_nobody_named_do_not_exist(center: WholeCenter) -> None:
    async def ask() -> list[Any]:
        token = await center.cast.token("auditor-01")
        return [
            (await knock(center, service, "GET", path, token)).status_code
            for service in MATRIX
            for path in ("/docs", "/redoc", "/api/nothing", "/.git/config", "/internal", "/debug")
        ]

    assert set(center.run(ask())) == {404}
