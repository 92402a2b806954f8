"""What is shipped satisfies the law and shows what the center is for."""

from __future__ import annotations

from datetime import date

import pytest
import yaml

from services.disclosure.domain.breaches import Published
from services.disclosure.domain.calendar_law import calendar_breaches, rule_breaches
from services.disclosure.domain.documents import Rule, ServiceItem, Tariff, YearCalendar
from services.disclosure.domain.item_law import item_breaches
from services.disclosure.domain.tariff_law import tariff_breaches
from tests.catalogue.conftest import DEPARTMENTS, ROOT, TODAY, items, shipped

ITEM_CODES = {
    "road-excavation", "road-occupation", "outdoor-advertising", "drainage", "large-event", "food-service",
    "restaurant-opening", "hotel-opening", "construction-permit", "hazardous-chemicals",
    "entertainment-venue", "tree-felling",
}  # fmt: skip


@pytest.mark.parametrize("item", items(), ids=lambda item: item.item_code)
def test_shipped_item_may_be_published(item: ServiceItem, published: Published) -> None:
    assert item_breaches(item, item.in_force_from or TODAY, published) == []


def test_all_twelve_items_are_shipped_under_their_codes() -> None:
    assert {item.item_code for item in items()} == ITEM_CODES
    names = {path.stem for path in (ROOT / "deploy" / "catalogue" / "items").glob("*.yaml")}
    assert names == ITEM_CODES


@pytest.mark.parametrize("data", shipped("tariffs"), ids=lambda data: data["tariff_code"])
def test_shipped_tariff_may_be_published(data: dict[str, object], published: Published) -> None:
    tariff = Tariff.model_validate(data)
    assert tariff_breaches(tariff, tariff.in_force_from or TODAY, published) == []


@pytest.mark.parametrize("data", shipped("rules"), ids=lambda data: data["rule_code"])
def test_shipped_rule_may_be_published(data: dict[str, object], published: Published) -> None:
    rule = Rule.model_validate(data)
    assert rule_breaches(rule, rule.in_force_from or TODAY, published) == []


@pytest.mark.parametrize("data", shipped("calendars"), ids=lambda data: data["year"])
def test_shipped_calendar_may_be_published(data: dict[str, object], published: Published) -> None:
    calendar = YearCalendar.model_validate(data)
    assert calendar_breaches(calendar, calendar.in_force_from or date(calendar.year, 1, 1), published) == []


def test_conduct_and_management_rules_are_shipped() -> None:
    rules = [Rule.model_validate(each) for each in shipped("rules")]
    assert len(rules) >= 4
    assert {rule.kind for rule in rules} == {"conduct", "management"}


def test_at_least_four_items_are_always_reviewed_by_three_departments_in_parallel() -> None:
    wide = [
        item.item_code
        for item in items()
        if sum(step.when is None and not step.after for step in item.plan) >= 3
    ]
    assert len(wide) >= 4, wide


def test_the_promised_shapes_of_review_are_there() -> None:
    by_code = {item.item_code: item for item in items()}
    steps = {code: {step.department: step for step in item.plan} for code, item in by_code.items()}
    assert steps["hotel-opening"]["public_security"].after == ["fire"]
    assert steps["construction-permit"]["housing"].after == ["fire"]
    assert steps["construction-permit"]["fire"].when is not None
    assert by_code["food-service"].mode == "single"
    assert by_code["entertainment-venue"].hearing == "required"
    assert {code for code, item in by_code.items() if item.decision == "unanimous"}
    fee = by_code["road-occupation"].fee
    assert fee is not None
    assert (fee.tariff_code, fee.timing) == ("road-occupation-chengdu-hitech", "before_delivery")
    assert set(fee.inputs) == {"area_m2", "days", "zone", "use"}


def test_every_department_file_is_used_and_every_used_department_has_a_file() -> None:
    used = {step.department for item in items() for step in item.plan}
    assert used == DEPARTMENTS


def test_department_files_say_who_the_department_is() -> None:
    files = sorted((ROOT / "deploy" / "departments").glob("*.yaml"))
    windows = []
    for path in files:
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert told["code"] == path.stem
        for name in ("name", "agency"):
            assert told[name]["zh"], path
            assert told[name]["en"], path
        windows.append(told["hall_window"])
    assert len(set(windows)) == len(windows)


def test_every_item_can_be_applied_for_without_more_than_it_lists() -> None:
    for item in items():
        assert 4 <= len(item.conditions) <= 8, item.item_code
        assert 3 <= len(item.materials) <= 7, item.item_code
        assert 2 <= len(item.fields) <= 6, item.item_code
        assert "sample" in item.source.title or "样本" in item.source.title, "says that it is sample data"
