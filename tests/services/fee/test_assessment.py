"""The evaluator is exact, deterministic and can be redone by anyone; what has no one exact sum is refused."""

from __future__ import annotations

import ast
import random
from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, getcontext, localcontext
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.refusals import Refusal
from services.fee.domain.assessment import Assessment, Line, assess
from services.fee.domain.tariffs import Tariff
from tests.services.fee.tariffs import SHIPPED, chengdu, shipped, small

DAY = date(2026, 1, 6)
AREAS = st.decimals(min_value=0, max_value=5000, places=3, allow_nan=False, allow_infinity=False).map(str)
DAYS = st.integers(min_value=0, max_value=1500)
ZONES = st.sampled_from(["1", "2", "3"])
USES = st.sampled_from(["business", "other"])


def facts(zone: str = "2", use: str = "other", area: object = "120", days: object = 45) -> dict[str, object]:
    return {"zone": zone, "use": use, "area_m2": area, "days": days}


def redo(line: Line) -> int:
    """The amount of a line computed from its own words by other means: fractions and integer arithmetic."""
    exact = Fraction(line.rate)
    for number in line.quantity.values():
        exact *= Fraction(number)
    return (exact.numerator * 200 + exact.denominator) // (exact.denominator * 2)


def redo_formula(line: Line) -> int:
    factors, _, result = line.formula.partition(" = ")
    exact = Fraction(1)
    for factor in factors.split(" × "):
        exact *= Fraction(factor)
    shown = result.split(" ≈ ")
    assert Fraction(shown[0]) == exact
    return int(Decimal(shown[-1]) * 100)


def check_whole(assessment: Assessment) -> None:
    assert assessment.total_fen == sum(line.amount_fen for line in assessment.lines)
    for line in assessment.lines:
        assert line.amount_fen == redo(line) == redo_formula(line)


@pytest.mark.parametrize(
    ("name", "given_facts", "total_fen", "tier"),
    [
        ("road-occupation-chengdu-hitech", facts(), 1_080_000, "days ≤ 92"),
        ("road-occupation-chengdu-hitech", facts("1", "business", "12.5", 200), 2_000_000, "days ≤ 366"),
        ("road-occupation-chengdu-hitech", facts("3", "other", "1", 367), 128_450, "days > 366"),
        ("road-occupation-huimin", {"use": "busy_area", "area_m2": "10", "days": "2.01"}, 3_000, None),
        (
            "road-occupation-jingzhou",
            {"use": "repair_stall", "place": "edge", "area_m2": "0.05", "days": 1},
            1,
            None,
        ),
    ],
)
def test_shipped_tariffs_give_the_published_sums(
    name: str, given_facts: Mapping[str, object], total_fen: int, tier: str | None
) -> None:
    assessment = assess(shipped(name), given_facts, DAY)
    assert assessment.total_fen == total_fen
    assert assessment.lines[0].tier == tier
    check_whole(assessment)


def test_a_bill_line_reads_as_the_sum_it_is() -> None:
    [line] = assess(chengdu(), facts(), DAY).lines
    assert line.formula == "120 × 45 × 2.00 = 10800.00"
    assert line.quantity == {"area_m2": "120", "days": "45"}
    [half] = assess(chengdu(), facts(area="0.333", days=1), DAY).lines
    assert half.formula == "0.333 × 1 × 2.00 = 0.666 ≈ 0.67"


def test_a_marginal_reading_gives_another_sum_and_says_so() -> None:
    flat = assess(chengdu(), facts("1", "business", "12.5", 200), DAY)
    marginal = assess(chengdu(tier_mode="marginal"), facts("1", "business", "12.5", 200), DAY)
    assert flat.total_fen == 2_000_000
    assert marginal.total_fen == 1250 * (92 * 5 + 92 * 6 + 16 * 8)
    assert [line.quantity["days"] for line in marginal.lines] == ["92", "92", "16"]
    assert {line.tier_mode for line in marginal.lines} == {"marginal"}
    check_whole(marginal)


@given(ZONES, USES, AREAS, DAYS)
def test_flat_is_area_times_days_times_one_rate(zone: str, use: str, area: str, days: int) -> None:
    assessment = assess(chengdu(), facts(zone, use, area, days), DAY)
    [line] = assessment.lines
    exact = Decimal(area) * days * Decimal(line.rate) * 100
    assert assessment.total_fen == int(exact.to_integral_value(rounding=ROUND_HALF_UP))
    check_whole(assessment)


@given(ZONES, USES, AREAS, AREAS, DAYS, DAYS)
def test_more_area_or_more_days_in_one_tier_never_costs_less(
    zone: str, use: str, area: str, other_area: str, days: int, other_days: int
) -> None:
    low, high = sorted([Decimal(area), Decimal(other_area)])
    few, many = sorted([days, other_days])
    small_sum = assess(chengdu(), facts(zone, use, str(low), few), DAY)
    assert small_sum.total_fen <= assess(chengdu(), facts(zone, use, str(high), few), DAY).total_fen
    longer = assess(chengdu(), facts(zone, use, str(low), many), DAY)
    assert small_sum.total_fen <= longer.total_fen  # these rates rise, so it holds across tiers too


@given(AREAS, DAYS, st.lists(st.integers(min_value=0, max_value=900), min_size=3, max_size=3), st.booleans())
def test_marginal_and_flat_part_company_as_the_rates_do(
    area: str, days: int, rates: list[int], rising: bool
) -> None:
    ordered = sorted(rates, reverse=not rising)
    tiers = [
        {"up_to": up_to, "rate": f"{rate / 100:.2f}"}
        for up_to, rate in zip(("30", "90", None), ordered, strict=True)
    ]
    bands = [{"when": None, "tiers": tiers}]
    given_facts = {"area_m2": area, "days": days}
    flat = assess(small(bands=bands), given_facts, DAY)
    marginal = assess(small(bands=bands, tier_mode="marginal"), given_facts, DAY)
    slack = len(marginal.lines)  # each line is rounded once
    if rising:
        assert marginal.total_fen <= flat.total_fen + slack
    else:
        assert marginal.total_fen >= flat.total_fen - slack
    if days <= 30:
        assert marginal.total_fen == flat.total_fen
    assert sum(Decimal(line.quantity["days"]) for line in marginal.lines) == days
    check_whole(marginal)


@given(ZONES, USES, AREAS, DAYS, st.randoms())
def test_equal_facts_and_version_give_the_equal_bill(
    zone: str, use: str, area: str, days: int, shuffler: random.Random
) -> None:
    given_facts = list(facts(zone, use, area, days).items())
    first = assess(chengdu(), dict(given_facts), DAY)
    shuffler.shuffle(given_facts)
    with localcontext() as context:
        context.prec = 3  # whatever the surroundings do to decimals
        again = assess(chengdu(), dict(given_facts), DAY)
    assert first.model_dump() == again.model_dump()
    assert getcontext().prec == 28


@given(
    AREAS, st.decimals(min_value=0, max_value=400, places=2, allow_nan=False, allow_infinity=False).map(str)
)
def test_a_part_unit_counts_as_a_whole_one_where_the_tariff_says_up(area: str, days: str) -> None:
    assessment = assess(
        shipped("road-occupation-huimin"), {"use": "stall", "area_m2": area, "days": days}, DAY
    )
    charged = Decimal(assessment.lines[0].quantity["days"])
    assert charged == charged.to_integral_value()
    assert 0 <= charged - Decimal(days) < 1
    check_whole(assessment)


def test_the_minimum_is_a_line_of_its_own() -> None:
    tariff = small(minimum_fen=5000)
    assessment = assess(tariff, {"area_m2": "3", "days": 4}, DAY)
    assert [line.amount_fen for line in assessment.lines] == [1200, 3800]
    assert assessment.lines[1].tier == "minimum 50.00"
    check_whole(assessment)
    assert assess(tariff, {"area_m2": "0", "days": 4}, DAY).total_fen == 5000
    assert assess(tariff, {"area_m2": "50", "days": 1}, DAY).total_fen == 5000


def test_an_exemption_still_makes_a_line_of_zero_with_its_reason() -> None:
    inputs = [
        {"code": "area_m2", "type": "decimal"},
        {"code": "days", "type": "integer"},
        {"code": "welfare", "type": "boolean"},
    ]
    exempt = {
        "code": "public_welfare",
        "when": {"field": "welfare", "op": "eq", "value": True},
        "basis": "某法 2",
    }
    tariff = small(inputs=inputs, exemptions=[exempt], minimum_fen=100)
    free = assess(tariff, {"area_m2": "3", "days": 4, "welfare": True}, DAY)
    assert (free.total_fen, free.exemption, free.lines[0].tier) == (
        0,
        "public_welfare",
        "exempt: public_welfare",
    )
    check_whole(free)
    assert assess(tariff, {"area_m2": "3", "days": 4, "welfare": False}, DAY).total_fen == 1200


def _without(code: str) -> dict[str, object]:
    return {name: value for name, value in facts().items() if name != code}


@pytest.mark.parametrize(
    ("given_facts", "code"),
    [
        (_without("days"), "charge_fact_missing"),
        (facts(days=None), "charge_fact_missing"),
        ({**facts(), "discount": "0.5"}, "charge_fact_unknown"),
        (facts(area=120.0), "charge_fact_invalid"),
        (facts(area=float("nan")), "charge_fact_invalid"),
        (facts(area="NaN"), "charge_fact_invalid"),
        (facts(area="Infinity"), "charge_fact_invalid"),
        (facts(area="1e9"), "charge_fact_invalid"),
        (facts(area=True), "charge_fact_invalid"),
        (facts(area=""), "charge_fact_invalid"),
        (facts(area="120 "), "charge_fact_invalid"),
        (facts(area=["120"]), "charge_fact_invalid"),
        (facts(days="45.5"), "charge_fact_invalid"),
        (facts(zone="4"), "charge_fact_invalid"),
        (facts(zone=1), "charge_fact_invalid"),  # type: ignore[arg-type]
        (facts(use="Business"), "charge_fact_invalid"),
        (facts(area="-0.01"), "charge_fact_negative"),
        (facts(days=-1), "charge_fact_negative"),
        (facts(area="1000000000.1"), "charge_fact_too_large"),
        (facts(area="999999999", days=999999999), "charge_fact_too_large"),
    ],
)
def test_facts_without_one_exact_sum_are_refused(given_facts: Mapping[str, object], code: str) -> None:
    with pytest.raises(Refusal) as refusal:
        assess(chengdu(), given_facts, DAY)
    assert refusal.value.code == code


def _bands(*conditions: Any) -> list[dict[str, Any]]:
    return [{"when": condition, "tiers": [{"up_to": None, "rate": "1"}]} for condition in conditions]


def test_facts_that_fit_no_band_or_two_have_no_published_rate() -> None:
    over = {"field": "area_m2", "op": "gt", "value": "10"}
    for conditions in ([over], [None, over]):
        tariff = small(bands=_bands(*conditions), tier_by=None)
        with pytest.raises(Refusal) as refusal:
            assess(tariff, {"area_m2": "9.5" if len(conditions) == 1 else "10.5", "days": 1}, DAY)
        assert refusal.value.code == "charge_no_single_rate"
    assert (
        assess(small(bands=_bands(over), tier_by=None), {"area_m2": "10.5", "days": 1}, DAY).total_fen == 1050
    )


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_tariff_publishes_exactly_one_rate_for_every_choice(path: Path) -> None:
    tariff = shipped(path.stem)
    for choices in _choices(tariff):
        assert assess(tariff, {**choices, "area_m2": "1", "days": 1}, DAY).total_fen > 0


def _choices(tariff: Tariff) -> list[dict[str, str]]:
    combinations: list[dict[str, str]] = [{}]
    for entry in tariff.inputs:
        if entry.choices:
            combinations = [
                {**rest, entry.code: choice.code} for rest in combinations for choice in entry.choices
            ]
    return combinations


def test_no_float_is_written_anywhere_where_sums_are_made() -> None:
    rooms = [*(Path(__file__).parents[3] / "services" / "fee" / "domain").glob("*.py")]
    assert len(rooms) >= 4
    for room in rooms:
        for node in ast.walk(ast.parse(room.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), room
            assert not (isinstance(node, ast.Name) and node.id == "float"), room
            assert not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)), room
