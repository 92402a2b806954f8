"""Which tariff may be charged, and which of its versions counts on a day."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from libs.refusals import Refusal
from services.fee.domain.assessment import assess
from services.fee.domain.tariffs import Tariff, require_basis, version_in_force
from tests.services.fee.tariffs import SHIPPED, shipped, small

FACTS = {"area_m2": "1", "days": 1}


def _code(versions: list[Tariff], on: date) -> str:
    with pytest.raises(Refusal) as refusal:
        version_in_force(versions, "small", on)
    return refusal.value.code


def test_what_was_never_published_cannot_be_charged() -> None:
    assert _code([], date(2026, 1, 6)) == "tariff_not_published"
    assert _code([shipped("road-occupation-huimin")], date(2026, 1, 6)) == "tariff_not_published"


def test_the_version_in_force_on_acceptance_counts_and_not_the_newest() -> None:
    old = small(version=1, in_force_from="2026-01-01")
    new = small(version=2, in_force_from="2026-03-01", published_at="2026-01-05T01:00:00Z")
    for versions in ([old, new], [new, old]):
        assert version_in_force(versions, "small", date(2026, 2, 28)).version == 1
        assert version_in_force(versions, "small", date(2026, 3, 1)).version == 2


def test_a_version_published_later_does_not_reach_back() -> None:
    old = small(version=1)
    late = small(version=2, in_force_from="2026-01-02", published_at="2026-02-01T01:00:00Z")
    assert version_in_force([old, late], "small", date(2026, 1, 31)).version == 1
    assert version_in_force([old, late], "small", date(2026, 2, 1)).version == 2


def test_a_repealed_or_future_version_is_not_in_force() -> None:
    repealed = small(in_force_until="2026-01-31")
    assert version_in_force([repealed], "small", date(2026, 1, 31)).version == 1
    assert _code([repealed], date(2026, 2, 1)) == "tariff_not_in_force"
    assert _code([small(in_force_from="2026-05-01")], date(2026, 1, 6)) == "tariff_not_in_force"
    assert _code([small()], date(2026, 1, 4)) == "tariff_not_in_force"  # in force, but published a day later


def test_the_day_of_publication_is_the_day_in_shanghai() -> None:
    assert small(published_at="2026-01-04T15:59:00Z").published_on == date(2026, 1, 4)
    assert small(published_at="2026-01-04T16:00:00Z").published_on == date(2026, 1, 5)


def test_the_evaluator_itself_refuses_a_version_not_in_force() -> None:
    with pytest.raises(Refusal) as refusal:
        assess(small(), FACTS, date(2025, 12, 31))
    assert refusal.value.code == "tariff_not_in_force"


@pytest.mark.parametrize("rank", ["local_regulation", "rule", "notice", ""])
def test_no_basis_in_law_no_fee(rank: str) -> None:
    tariff = small(basis=[{"rank": rank, "document": "某办法", "article": "1"}])
    for refused in (lambda: require_basis(tariff), lambda: assess(tariff, FACTS, date(2026, 1, 6))):
        with pytest.raises(Refusal) as refusal:
            refused()
        assert refusal.value.code == "tariff_without_basis"


@pytest.mark.parametrize(
    "change",
    [
        {"payee": "urban_management"},
        {"rounding": "half_even"},
        {"tier_mode": "stepped"},
        {"subject_code": ""},
        {"quantity": ["weight"]},
        {"quantity": []},
        {"tier_by": "weight"},
        {"tier_by": None},
        {"bands": []},
        {"bands": [{"when": None, "tiers": []}]},
        {"bands": [{"when": None, "tiers": [{"up_to": "10", "rate": "1"}]}]},
        {"bands": [{"when": None, "tiers": [{"up_to": None, "rate": "1"}, {"up_to": None, "rate": "2"}]}]},
        {
            "bands": [
                {
                    "when": None,
                    "tiers": [{"up_to": "9", "rate": "1"}, {"up_to": "9", "rate": "1"}, {"rate": "2"}],
                }
            ]
        },
        {"bands": [{"when": None, "tiers": [{"up_to": None, "rate": "-1"}]}]},
        {"bands": [{"when": None, "tiers": [{"up_to": None, "rate": "1e2"}]}]},
        {"bands": [{"when": None, "tiers": [{"up_to": None, "rate": "NaN"}]}]},
        {"bands": [{"when": None, "tiers": [{"up_to": None, "rate": 1.5}]}]},
        {"minimum_fen": -1},
        {"minimum_fen": 0.5},
        {"part_unit": {"area_m2": "down"}},
        {"part_unit": {"weight": "up"}},
    ],
    ids=str,
)
def test_a_malformed_tariff_is_not_understood(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        small(**change)


def test_the_shipped_tariffs_name_law_source_and_day() -> None:
    assert [path.stem for path in SHIPPED] == [
        "road-occupation-chengdu-hitech", "road-occupation-huimin", "road-occupation-jingzhou",
    ]  # fmt: skip
    for path in SHIPPED:
        tariff = shipped(path.stem)
        require_basis(tariff)
        assert (tariff.basis[0].document, tariff.basis[0].article) == ("城市道路管理条例", "37")
        assert "seen_on" in path.read_text(encoding="utf-8")
