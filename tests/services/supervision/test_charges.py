"""Supervision's own recomputation of charges, worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from services.supervision.domain.charges import CannotRecompute, Tariff, recompute
from services.supervision.domain.conditions import UnknownCondition, is_met

TIERS = [{"up_to": "10", "rate": "1.00"}, {"up_to": "20", "rate": "2.00"}, {"up_to": None, "rate": "3.00"}]


def tariff(**changes: Any) -> Tariff:
    """One band over days, area x days."""
    told = {
        "tariff_code": "t", "version": 1, "bands": [{"when": None, "tiers": TIERS}], "tier_by": "days",
        "tier_mode": "flat", "quantity": ["area_m2", "days"], "minimum_fen": 0, "part_unit": {}, "exemptions": [],
        **changes,
    }  # fmt: skip
    return Tariff.model_validate(told)


def total(given: Tariff, **inputs: Any) -> int:
    """The total in fen."""
    return recompute(given, inputs).total_fen


@pytest.mark.parametrize(("days", "fen"), [(10, 10_000), (11, 22_000), (20, 40_000), (21, 63_000), (0, 0)])
def test_AL_59_flat_the_whole_quantity_at_the_rate_of_its_tier(days: int, fen: int) -> None:
    assert total(tariff(), area_m2="10", days=days) == fen


@pytest.mark.parametrize(("days", "fen"), [(10, 10_000), (11, 12_000), (20, 30_000), (25, 45_000)])
def test_AL_59_marginal_each_part_at_its_own_rate(days: int, fen: int) -> None:
    assert total(tariff(tier_mode="marginal"), area_m2="10", days=days) == fen


def test_AL_59_a_line_is_rounded_half_up_to_the_fen_once() -> None:
    rates = [{"up_to": None, "rate": "0.005"}]
    given = tariff(tier_by=None, bands=[{"when": None, "tiers": rates}])
    assert total(given, area_m2="1", days=1) == 1
    assert total(given, area_m2="0.99", days=1) == 0
    assert total(given, area_m2="3", days=1) == 2


def test_AL_59_a_part_unit_counts_whole_where_published() -> None:
    assert total(tariff(part_unit={"days": "up"}), area_m2="10", days="9.1") == 10_000
    assert total(tariff(part_unit={"days": "up"}), area_m2="10", days="10.1") == 22_000
    assert total(tariff(), area_m2="10", days="9.1") == 9_100


def test_AL_59_the_minimum_is_the_least_of_the_total() -> None:
    assert total(tariff(minimum_fen=50_000), area_m2="1", days=1) == 50_000
    assert total(tariff(minimum_fen=50_000), area_m2="100", days=30) == 900_000


def test_AL_59_whoever_is_exempt_pays_nothing() -> None:
    exempt = [{"code": "school", "when": {"field": "school", "op": "eq", "value": True}, "basis": "x"}]
    given = tariff(exemptions=exempt, minimum_fen=5)
    assert total(given, area_m2="10", days=10, school=True) == 0
    assert total(given, area_m2="10", days=10, school=False) == 10_000


@pytest.mark.parametrize("inputs", [{"days": 1}, {"area_m2": "x", "days": 1}, {"area_m2": "-1", "days": 1}])
def test_AL_59_without_a_quantity_nothing_can_be_recomputed(inputs: dict[str, Any]) -> None:
    with pytest.raises(CannotRecompute):
        recompute(tariff(), inputs)


def test_AL_59_without_a_band_or_tier_nothing_can_be_recomputed() -> None:
    band = {"when": {"field": "zone", "op": "eq", "value": "1"}, "tiers": TIERS[:2]}
    with pytest.raises(CannotRecompute):
        recompute(tariff(bands=[band]), {"zone": "2", "area_m2": 1, "days": 1})
    for mode in ("flat", "marginal"):
        with pytest.raises(CannotRecompute):
            recompute(tariff(bands=[band], tier_mode=mode), {"zone": "1", "area_m2": 1, "days": 21})


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (None, True),
        ({"field": "area", "op": "gt", "value": "50"}, True),
        ({"field": "area", "op": "le", "value": 50}, False),
        ({"field": "zone", "op": "in", "value": ["1", "2"]}, True),
        ({"field": "absent", "op": "ne", "value": 1}, False),
        ({"not": {"field": "absent", "op": "eq", "value": 1}}, True),
        ({"all": [{"field": "on", "op": "eq", "value": True}, {"any": []}]}, False),
        ({"field": "on", "op": "eq", "value": 1}, False),
        ({"field": "day", "op": "lt", "value": "2026-02-01"}, True),
    ],
)
def test_conditions_are_read_as_published(condition: Any, holds: bool) -> None:
    facts = {"area": "50.5", "zone": "2", "on": True, "day": "2026-01-31"}
    assert is_met(condition, facts) is holds


@pytest.mark.parametrize("condition", [{"field": "area"}, {"field": "area", "op": "like", "value": 1}])
def test_a_condition_nobody_published_is_refused(condition: Any) -> None:
    with pytest.raises(UnknownCondition):
        is_met(condition, {"area": 1})
