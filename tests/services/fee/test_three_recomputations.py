"""Fee's evaluator, supervision's and the audit's are three programs: for every tariff they must say one sum."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from deploy.audit.evidence.tariff import charge_fen
from services.fee.domain.assessment import assess
from services.fee.domain.tariffs import Tariff
from services.supervision.domain.charges import Tariff as WatchedTariff
from services.supervision.domain.charges import recompute
from tests.services.fee.tariffs import SHIPPED, document, small

DAY = date(2026, 1, 6)
AREAS = st.decimals(min_value=0, max_value=5000, places=3, allow_nan=False, allow_infinity=False).map(str)
DAYS = st.decimals(min_value=0, max_value=800, places=2, allow_nan=False, allow_infinity=False).map(str)
RATES = st.decimals(min_value=0, max_value=20, places=4, allow_nan=False, allow_infinity=False).map(str)


@st.composite
def tariffs(draw: st.DrawFn) -> dict[str, Any]:
    """A tariff of any shape the model allows, with a band for small and one for large areas."""
    limits = sorted(draw(st.sets(st.integers(min_value=1, max_value=400), max_size=3)))
    tiered = bool(limits)

    def tiers() -> list[dict[str, Any]]:
        reach = [str(limit) for limit in limits]
        return [{"up_to": up_to, "rate": draw(RATES)} for up_to in [*reach, None]]

    large = {"field": "area_m2", "op": "gt", "value": "100"}
    changes: dict[str, Any] = {
        "inputs": [
            {"code": "area_m2", "type": "decimal"},
            {"code": "days", "type": "decimal"},
            {"code": "welfare", "type": "boolean"},
        ],
        "bands": [{"when": large, "tiers": tiers()}, {"when": {"not": large}, "tiers": tiers()}],
        "tier_by": "days" if tiered else None,
        "tier_mode": draw(st.sampled_from(["flat", "marginal"])),
        "minimum_fen": draw(st.sampled_from([0, 1, 5000])),
        "part_unit": {
            code: draw(st.sampled_from(["exact", "up"]))
            for code in draw(st.sets(st.sampled_from(["area_m2", "days"])))
        },
        "exemptions": [
            {"code": "welfare", "when": {"field": "welfare", "op": "eq", "value": True}, "basis": "某法 2"}
        ],
    }
    return small(**changes).model_dump(mode="json")


def agree(published: dict[str, Any], facts: dict[str, Any]) -> None:
    own = assess(Tariff.model_validate(published), facts, DAY)
    watched = recompute(WatchedTariff.model_validate(published), facts)
    assert own.total_fen == watched.total_fen == charge_fen(published, facts)


@given(tariffs(), AREAS, DAYS, st.booleans())
def test_three_programs_say_one_sum_for_every_shape_of_tariff(
    published: dict[str, Any], area: str, days: str, welfare: bool
) -> None:
    agree(published, {"area_m2": area, "days": days, "welfare": welfare})


@given(st.sampled_from(SHIPPED), AREAS, st.integers(min_value=0, max_value=1500), st.data())
def test_three_programs_say_one_sum_for_every_shipped_tariff(
    path: Any, area: str, days: int, data: st.DataObject
) -> None:
    published = document(path.stem)
    choices = {
        entry["code"]: data.draw(st.sampled_from([choice["code"] for choice in entry["choices"]]))
        for entry in published["inputs"]
        if entry["type"] == "choice"
    }
    agree(published, {**choices, "area_m2": area, "days": days})
