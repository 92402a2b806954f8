"""Proves that the guide's estimate is what fee would bill, wherever the guide dares to give one."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.disclosure.pages.estimate import Estimate, estimate, is_plain
from services.fee.domain.assessment import assess
from services.fee.domain.tariffs import Tariff
from tests.services.disclosure.house import shipped

NAMES = ("road-occupation-chengdu-hitech", "road-occupation-huimin", "road-occupation-jingzhou")


def _choices(tariff: dict[str, Any]) -> dict[str, st.SearchStrategy[str]]:
    kinds: dict[str, st.SearchStrategy[str]] = {
        "integer": st.integers(0, 2000).map(str),
        "decimal": st.decimals(0, 20000, places=2).map(lambda number: f"{number:f}"),
        "boolean": st.sampled_from(["true", "false"]),
    }
    return {
        entry["code"]: kinds[entry["type"]]
        if entry["type"] in kinds
        else st.sampled_from([each["code"] for each in entry["choices"]])
        for entry in tariff["inputs"]
    }


@pytest.mark.parametrize("name", NAMES)
def test_estimate_is_what_fee_would_bill(name: str) -> None:
    tariff = shipped("tariffs", name)
    if not is_plain(tariff):
        pytest.skip("the guide gives no estimate under this tariff")

    published = Tariff.model_validate({**tariff, "published_at": "2026-01-05T01:00:00Z"})

    @settings(max_examples=100, deadline=None)
    @given(st.fixed_dictionaries(_choices(tariff)))
    def agree(typed: dict[str, str]) -> None:
        found = estimate(tariff, typed)
        assert isinstance(found, Estimate)
        kinds = {entry["code"]: entry["type"] for entry in tariff["inputs"]}
        facts = {
            code: value == "true" if kinds[code] == "boolean" else value for code, value in typed.items()
        }
        billed = assess(published, facts, date(2026, 3, 2))
        assert found.total_fen == billed.total_fen

    agree()


def test_estimate_refuses_what_is_no_number() -> None:
    tariff = shipped("tariffs", NAMES[0])
    for typed in ("", "-1", "NaN", "1e5", "999999999", "１２"):
        found = estimate(tariff, {"zone": "1", "use": "other", "area_m2": typed, "days": "3"})
        assert isinstance(found, list)
        assert [error.field for error in found] == ["area_m2"]
