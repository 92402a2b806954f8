"""Conditions: decimals compare as decimals, unknown fields and shapes are clear errors, errors never hide."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.conditions import BadCondition, UnknownField, fields_of, holds

FACTS = {
    "area_m2": "24.50",
    "people": 1200,
    "zone": "2",
    "cooking": True,
    "starts_on": "2026-03-01",
    "note": None,
}


def says(field: str, op: str, value: Any) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (None, True),
        (says("area_m2", "eq", "24.5"), True),
        (says("area_m2", "gt", "9"), True),  # as text "24.50" < "9"
        (says("area_m2", "le", 24), False),
        (says("people", "ge", "1200"), True),
        (says("zone", "in", ["1", "2"]), True),
        (says("zone", "ne", "2"), False),
        (says("cooking", "eq", True), True),
        (says("cooking", "ne", True), False),
        (says("starts_on", "lt", "2026-03-02"), True),
        ({"all": []}, True),
        ({"any": []}, False),
        ({"not": says("cooking", "eq", True)}, False),
        (
            {
                "all": [
                    says("people", "gt", 1000),
                    {"any": [says("zone", "eq", "9"), says("cooking", "eq", True)]},
                ]
            },
            True,
        ),
    ],
)
def test_condition_holds_as_written(condition: dict[str, Any] | None, expected: bool) -> None:
    assert holds(condition, FACTS) is expected


@pytest.mark.parametrize("condition", [says("height", "gt", "3"), says("note", "eq", "x")])
def test_unknown_field_is_a_clear_error(condition: dict[str, Any]) -> None:
    with pytest.raises(UnknownField, match=condition["field"]):
        holds(condition, FACTS)


@pytest.mark.parametrize(
    "condition",
    [
        says("zone", "like", "2"),
        {"field": "zone", "op": "eq"},
        {},
        [],
        {"all": says("zone", "eq", "2")},
        {"all": [], "any": []},
        says("cooking", "eq", "true"),
        says("cooking", "eq", 1),
        says("cooking", "lt", True),
        says("area_m2", "gt", 9.5),
        says("area_m2", "gt", "many"),
        says("zone", "in", "12"),
        says("people", "eq", None),
    ],
)
def test_malformed_condition_is_refused(condition: Any) -> None:
    with pytest.raises(BadCondition):
        holds(condition, FACTS)


def test_an_error_in_one_part_is_not_hidden_by_another() -> None:
    with pytest.raises(UnknownField):
        holds({"any": [says("people", "gt", 1), says("height", "gt", 1)]}, FACTS)


def test_hostile_nesting_is_refused() -> None:
    condition: dict[str, Any] = says("people", "gt", 1)
    for _ in range(50):
        condition = {"not": condition}
    with pytest.raises(BadCondition):
        holds(condition, FACTS)


def test_fields_of_names_what_is_asked() -> None:
    assert fields_of({"all": [says("a", "eq", "1"), {"not": says("b", "eq", "1")}]}) == {"a", "b"}
    assert fields_of(None) == set()


@given(st.decimals(-(10**9), 10**9, places=4), st.decimals(-(10**9), 10**9, places=2))
def test_decimal_text_compares_as_decimal(left: Decimal, right: Decimal) -> None:
    facts = {"x": str(left)}
    expected = {"lt": left < right, "ge": left >= right, "eq": left == right}
    assert {op: holds(says("x", op, str(right)), facts) for op in expected} == expected
