"""The access matrix: complete, well-formed, and everything else denied."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from libs.flow import FLOW
from libs.identity import ROLES, Person
from libs.identity.access import MATRIX, PUBLIC, Access, BadMatrix, Verdict


def _person(*roles: str) -> Person:
    return Person("somebody", "Somebody", frozenset(roles), "fire")


@pytest.mark.parametrize("service", list(FLOW.services))
def test_every_line_gives_exactly_its_roles(service: str) -> None:
    access = Access.load(service)
    assert len(access.routes()) > 10
    for method, template in access.routes():
        line = access.line(method, template)
        assert line is not None
        nobody = Verdict.ALLOWED if PUBLIC in line.roles else Verdict.NEEDS_PERSON
        assert access.allowed(method, template, None) is nobody
        for role in ROLES:
            allowed = role in line.roles or PUBLIC in line.roles
            expected = Verdict.ALLOWED if allowed else Verdict.WRONG_FUNCTION
            assert access.allowed(method, template, _person(role)) is expected
        if PUBLIC not in line.roles:
            assert access.allowed(method, template, _person()) is Verdict.WRONG_FUNCTION


def test_route_that_is_not_named_is_denied_to_everybody() -> None:
    access = Access.load("fee")
    for person in (None, _person(*ROLES)):
        assert access.allowed("GET", "/api/secrets", person) is Verdict.UNKNOWN
        assert access.allowed("DELETE", "/api/bills/{bill_no}", person) is Verdict.UNKNOWN


def test_head_is_allowed_as_get_is() -> None:
    assert Access.load("disclosure").allowed("HEAD", "/api/items", None) is Verdict.ALLOWED


def test_nothing_that_changes_anything_is_public() -> None:
    document = yaml.safe_load(MATRIX.read_text())
    changing = [
        (service, route)
        for service, routes in document["services"].items()
        for route, line in routes.items()
        if not route.startswith("GET ") and PUBLIC in line["roles"]
    ]
    # The fee estimate on a guide page computes and stores nothing.
    assert [each for each in changing if "estimate" not in each[1]] == []


def test_power_stays_apart() -> None:
    document = yaml.safe_load(MATRIX.read_text())["services"]
    deciders = {"examiner", "department_head"}
    for route, line in document["fee"].items():
        assert not deciders & set(line["roles"]), f"{route}: who decides has nothing to do with money"
    for route, line in document["supervision"].items():
        assert route.startswith("GET "), "supervision commands nothing"
        assert set(line["roles"]) <= {"supervisor", "auditor", PUBLIC}, route
    for route, line in document["review"].items():
        if not route.startswith("GET "):
            assert set(line["roles"]) <= deciders, route
            assert line["objects"] == "own_department", route


def test_who_operates_decides_nothing_and_who_decides_operates_nothing() -> None:
    document = yaml.safe_load(MATRIX.read_text())
    for service, routes in document["services"].items():
        for route, line in routes.items():
            assert not {"system_administrator", "healer"} & set(line["roles"]), f"{service} {route}"
    operating = {
        route: set(line["roles"])
        for route, line in document["every_service"].items()
        if PUBLIC not in line["roles"]
    }
    assert len(operating) == 11
    for route, roles in operating.items():
        reads = {"auditor"} if route.startswith("GET ") and route != "GET /letters/replay" else set()
        heals = {"healer"} if route == "POST /api/outbox/resend" else set()
        assert roles == {"system_administrator"} | reads | heals, route


@pytest.mark.parametrize(
    "line",
    [{"roles": []}, {"roles": ["root"]}, {"roles": ["applicant"], "objects": "everybody's"}],
)
def test_bad_line_stops_the_service(tmp_path: Path, line: dict[str, object]) -> None:
    document = {"objects": ["own"], "every_service": {}, "services": {"fee": {"GET /x": line}}}
    path = tmp_path / "access.yaml"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(BadMatrix):
        Access.load("fee", path)
