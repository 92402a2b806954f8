"""Every breach of publication law is found: one planted breach per stable code, and nothing beside it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from services.disclosure.domain.breaches import LAWS, Breach, Published
from services.disclosure.domain.calendar_law import calendar_breaches, rule_breaches
from services.disclosure.domain.documents import Rule, ServiceItem, Tariff, YearCalendar
from services.disclosure.domain.item_law import item_breaches
from services.disclosure.domain.tariff_law import tariff_breaches
from tests.catalogue.conftest import DEPARTMENTS, TODAY, item, shipped, tariffs

Data = dict[str, Any]
WORLD = Published(TODAY, DEPARTMENTS, tariffs())
RULE_LAW = "local_regulation"


def lint(kind: str, data: Data, world: Published = WORLD) -> list[Breach]:
    """The breaches of plain data of one kind."""
    if kind == "item":
        document = ServiceItem.model_validate(data)
        return item_breaches(document, document.in_force_from or TODAY, world)
    if kind == "tariff":
        tariff = Tariff.model_validate(data)
        return tariff_breaches(tariff, tariff.in_force_from or TODAY, world)
    if kind == "calendar":
        calendar = YearCalendar.model_validate(data)
        return calendar_breaches(calendar, date(calendar.year, 1, 1), world)
    rule = Rule.model_validate(data)
    return rule_breaches(rule, rule.in_force_from or TODAY, world)


def good(kind: str) -> Data:
    """A document without a breach."""
    if kind == "item":
        return item("road-occupation")
    folder = {"tariff": "tariffs", "calendar": "calendars", "rule": "rules"}[kind]
    return copy.deepcopy(shipped(folder)[0])


def put(*path: str | int, value: Any) -> Callable[[Data], None]:
    """Set one member."""

    def bend(data: Data) -> None:
        at: Any = data
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value

    return bend


def cycle(data: Data) -> None:
    data["plan"][0]["after"], data["plan"][1]["after"] = ["traffic_police"], ["urban_management"]


def slow(data: Data) -> None:
    data["plan"][1]["after"] = ["urban_management"]


def twice(data: Data) -> None:
    data["conditions"].append(copy.deepcopy(data["conditions"][0]))


def unexamined(data: Data) -> None:
    data["plan"][0]["conditions"].remove("charge-paid")


def ask_in_words(data: Data) -> None:
    asked = {**data["fields"][0], "type": "text", "minimum": None, "maximum": None}
    data["fields"].append({**asked, "code": "words"})
    data["plan"][1]["when"] = {"field": "words", "op": "eq", "value": "yes"}


def repeat_department(data: Data) -> None:
    data["plan"].append({**data["plan"][1]})


CHOICE = {"code": "a", "label": {"zh": "甲", "en": "A"}}
UNKNOWN = {"field": "nobody", "op": "eq", "value": True}
OPTIONAL = {"field": "zone", "op": "eq", "value": "1"}
PLANTED: list[tuple[str, str, Callable[[Data], None]]] = [
    ("version_not_next", "item", put("version", value=2)),
    ("retroactive", "item", put("in_force_from", value=TODAY - timedelta(days=1))),
    ("retroactive", "rule", put("in_force_from", value=TODAY - timedelta(days=1))),
    ("version_not_next", "calendar", put("version", value=3)),
    ("basis_missing", "item", put("basis", value=[])),
    ("basis_rank", "item", put("basis", value=[{"law": "某规章 · a rule", "article": "1", "rank": "rule"}])),
    ("disclosure_incomplete", "item", put("materials", value=[])),
    ("disclosure_incomplete", "item", put("life_events", value=[])),
    ("life_event_unknown", "item", put("life_events", value=["retire"])),
    ("code_repeated", "item", twice),
    ("catch_all", "item", put("conditions", 0, "text", "zh", value="符合其他条件")),
    ("catch_all", "item", put("conditions", 0, "text", "zh", value="符合有关规定")),
    ("catch_all", "item", put("conditions", 0, "text", "en", value="Any other requirement is met")),
    ("catch_all", "item", put("materials", 0, "name", "zh", value="申请表、平面图等材料")),
    ("catch_all", "item", put("materials", 0, "name", "en", value="Site plan, etc.")),
    ("field_serves_nothing", "item", put("fields", 0, "serves", value=[])),
    ("field_serves_unknown", "item", put("fields", 1, "serves", value=["curiosity"])),
    ("field_shape", "item", put("fields", 3, "choices", value=[CHOICE])),
    ("field_shape", "item", put("fields", 1, "minimum", value="3")),
    ("field_shape", "item", put("fields", 3, "minimum", value="1096")),
    ("condition_invalid", "item", put("plan", 1, "when", value=UNKNOWN)),
    ("condition_invalid", "item", put("plan", 1, "when", value={"field": "zone", "op": "gt", "value": "1"})),
    ("condition_invalid", "item", put("plan", 1, "when", value={"field": "zone", "op": "eq", "value": "9"})),
    ("condition_invalid", "item", put("plan", 1, "when", value={"maybe": True})),
    ("condition_invalid", "item", ask_in_words),
    ("condition_invalid", "tariff", put("bands", 0, "when", value=UNKNOWN)),
    ("material_requirement", "item", put("materials", 0, "required_when", value=OPTIONAL)),
    ("checker_unknown", "item", put("materials", 0, "checked_by", value="fire")),
    ("notice_over_cap", "item", put("limits", "notice_wd", value=6)),
    ("check_over_notice", "item", put("limits", "check_wd", value=4)),
    ("promised_over_statutory", "item", put("limits", "promised_wd", value=21)),
    ("statutory_over_cap", "item", put("limits", "statutory_wd", value=46)),
    ("extension_over_cap", "item", put("limits", "extension_wd", value=16)),
    ("delivery_over_cap", "item", put("limits", "delivery_wd", value=11)),
    ("plan_over_promise", "item", slow),
    ("plan_lead", "item", put("plan", 1, "role", value="lead")),
    ("plan_lead", "item", put("lead", value="traffic_police")),
    ("plan_lead", "item", put("plan", 0, "when", value=OPTIONAL)),
    ("plan_department_unknown", "item", put("plan", 1, "department", value="astrology")),
    ("plan_after_unknown", "item", put("plan", 1, "after", value=["fire"])),
    ("plan_cycle", "item", cycle),
    ("plan_condition_unknown", "item", put("plan", 0, "conditions", 0, value="good-mood")),
    ("condition_unexamined", "item", unexamined),
    ("mode_mismatch", "item", put("mode", value="single")),
    ("permit_validity", "item", put("permit", "validity_days", value=30)),
    ("permit_validity", "item", put("permit", "valid_until_field", value="zone")),
    ("fee_tariff_unpublished", "item", put("fee", "tariff_code", value="no-such")),
    ("fee_input_unknown", "item", put("fee", "inputs", "area_m2", value="no_such")),
    ("fee_input_unknown", "item", lambda data: data["fee"]["inputs"].pop("zone")),
    ("fee_input_type", "item", put("fee", "inputs", "days", value="use")),
    ("fee_basis_rank", "tariff", lambda data: data["basis"].pop(0)),
    ("payee_not_treasury", "tariff", put("payee", value="department")),
    ("tariff_period", "tariff", put("in_force_until", value=date(2020, 1, 1))),
    ("tariff_tiers", "tariff", lambda data: data["bands"][0]["tiers"].pop()),
    ("tariff_tiers", "tariff", put("bands", value=[])),
    ("tariff_tiers", "tariff", put("bands", 0, "tiers", 1, "up_to", value="50")),
    ("tariff_tiers", "tariff", put("tier_by", value=None)),
    ("tariff_rate", "tariff", put("bands", 0, "tiers", 0, "rate", value="-1.00")),
    ("tariff_input_unknown", "tariff", put("quantity", value=["area_m2", "goodwill"])),
    ("calendar_day_outside_year", "calendar", lambda data: data["days_off"].append(date(2031, 1, 1))),
    ("calendar_day_repeated", "calendar", lambda data: data["days_off"].append(data["days_off"][0])),
    ("calendar_make_up_on_weekday", "calendar", lambda data: data["make_up_days"].append(date(2025, 3, 5))),
    ("calendar_hours", "calendar", put("business_hours", "closes", value="08:00")),
]  # fmt: skip
ELSEWHERE = {
    "plan_empty",
    "plan_step_examines_nothing",
    "plan_department_repeated",
    "condition_on_optional_field",
}
ELSEWHERE |= {"in_force_before_previous"}


@pytest.mark.parametrize("kind", ["item", "tariff", "calendar", "rule"])
def test_the_documents_that_are_bent_here_have_no_breach(kind: str) -> None:
    assert lint(kind, good(kind)) == []


@pytest.mark.parametrize(
    ("code", "kind", "bend"), PLANTED, ids=[f"{code}-{n}" for n, (code, *_) in enumerate(PLANTED)]
)
def test_planted_breach_is_found_with_its_code(code: str, kind: str, bend: Callable[[Data], None]) -> None:
    data = good(kind)
    bend(data)
    found = lint(kind, data)
    assert code in {breach.code for breach in found}
    for breach in found:
        assert breach.path, breach
        assert breach.law, breach


def test_every_code_has_a_planted_breach() -> None:
    assert {code for code, *_ in PLANTED} | ELSEWHERE == set(LAWS)


def test_all_breaches_are_listed_not_only_the_first() -> None:
    data = good("item")
    data["limits"].update(notice_wd=9, delivery_wd=20, promised_wd=50)
    data["fields"][0]["serves"] = []
    codes = {breach.code for breach in lint("item", data)}
    assert {
        "notice_over_cap",
        "delivery_over_cap",
        "promised_over_statutory",
        "field_serves_nothing",
    } <= codes


def test_a_plan_without_steps_is_no_procedure() -> None:
    data = good("item")
    data["plan"] = []
    assert "plan_empty" in {breach.code for breach in lint("item", data)}


def test_a_step_that_examines_nothing_has_no_place_in_the_plan() -> None:
    data = good("item")
    data["plan"][1]["conditions"] = []
    assert "plan_step_examines_nothing" in {breach.code for breach in lint("item", data)}


def test_a_department_stands_once_in_a_plan() -> None:
    data = good("item")
    repeat_department(data)
    assert "plan_department_repeated" in {breach.code for breach in lint("item", data)}


def test_a_plan_does_not_hang_on_a_field_that_may_be_empty() -> None:
    data = good("item")
    data["fields"][4]["required"] = False
    data["plan"][1]["when"] = {"not": {"any": [OPTIONAL, OPTIONAL]}}
    assert "condition_on_optional_field" in {breach.code for breach in lint("item", data)}


def test_single_handling_is_held_to_twenty_days_unless_a_special_law_is_cited() -> None:
    data = item("food-service")
    data["limits"].update(statutory_wd=30)
    assert [breach.code for breach in lint("item", data)] == ["statutory_over_cap"]
    data["basis"][0]["sets_limit"] = True
    assert lint("item", data) == []
    data["basis"].append({"law": "某规章 · a rule", "article": "1", "rank": "rule", "sets_limit": True})
    data["basis"][0]["sets_limit"] = False
    assert [breach.code for breach in lint("item", data)] == ["statutory_over_cap"]


def test_joint_handling_has_no_exception_from_forty_five_days() -> None:
    data = good("item")
    data["limits"].update(statutory_wd=46)
    data["basis"][0]["sets_limit"] = True
    assert [breach.code for breach in lint("item", data)] == ["statutory_over_cap"]


def test_an_item_cannot_charge_by_a_tariff_without_basis() -> None:
    bad = good("tariff")
    bad["basis"] = [{"rank": RULE_LAW, "document": "x", "article": "1"}]
    world = replace(WORLD, tariffs={bad["tariff_code"]: Tariff.model_validate(bad)})
    assert [breach.code for breach in lint("item", good("item"), world)] == ["fee_basis_rank"]


def test_an_item_cannot_charge_by_a_tariff_that_has_ended() -> None:
    ended = good("tariff")
    ended["in_force_until"] = TODAY - timedelta(days=1)
    world = replace(WORLD, tariffs={ended["tariff_code"]: Tariff.model_validate(ended)})
    assert [breach.code for breach in lint("item", good("item"), world)] == ["fee_tariff_unpublished"]


def test_a_second_version_of_a_tariff_is_not_retroactive() -> None:
    data = good("tariff")
    data["version"] = 2
    world = replace(WORLD, previous_version=1, previous_in_force_from=date(2020, 1, 1))
    assert [breach.code for breach in lint("tariff", data, world)] == ["retroactive"]


def test_a_version_does_not_overtake_the_one_before_it() -> None:
    data = good("item")
    data["version"] = 2
    world = replace(WORLD, previous_version=1, previous_in_force_from=date(2026, 6, 1))
    assert [breach.code for breach in lint("item", data, world)] == ["in_force_before_previous"]


def test_an_unknown_member_is_no_document() -> None:
    with pytest.raises(ValueError, match="extra"):
        lint("item", {**good("item"), "secret_condition": "x"})
