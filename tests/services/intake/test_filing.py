"""Receiving: what does not fit is refused with its path, what is missing is received and noted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st

from services.intake.domain.files import MOST_BYTES, sniffed_type
from services.intake.domain.filing import (
    check_in_force,
    fitting_facts,
    fitting_materials,
    missing,
    typed_answer,
)
from services.intake.domain.refusals import (
    BadMaterial,
    InvalidFacts,
    InvalidMaterials,
    ItemNotInForce,
    MaterialTooLarge,
)
from tests.services.intake.builders import FACTS, all_materials, day, item, material


def misfits(facts: dict[str, Any], code: str = "road-occupation") -> list[tuple[str, str]]:
    """(path, kind) of every refused value."""
    with pytest.raises(InvalidFacts) as refused:
        fitting_facts(item(code), facts)
    assert refused.value.status == 422
    return [(error["at"], error["kind"]) for error in refused.value.extra["errors"]]


def test_a_complete_application_lacks_nothing() -> None:
    of, facts = item(), FACTS["road-occupation"]
    assert fitting_facts(of, facts) == facts
    assert missing(of, facts, all_materials(of, facts)) == ()


def test_no_refusal_to_take_in_an_empty_application_is_received_and_everything_noted() -> None:
    noted = missing(item(), fitting_facts(item(), {}), ())
    required = [field.code for field in item().fields] + [each.code for each in item().materials]
    assert [defect.target for defect in noted] == required
    assert [defect.no for defect in noted] == list(range(1, len(required) + 1))
    assert {defect.article for defect in noted} == {"AL 32(1)(4)"}


def test_an_absent_answer_is_missing_not_misfitting() -> None:
    assert fitting_facts(item(), {"area_m2": None, "zone": ""}) == {}


@pytest.mark.parametrize(
    ("code", "value", "kind"),
    [
        ("area_m2", "12,5", "decimal_type"),
        ("area_m2", 1.5, "decimal_type"),
        ("area_m2", "NaN", "decimal_type"),
        ("area_m2", True, "decimal_type"),
        ("area_m2", "0", "greater_than_equal"),
        ("area_m2", "10000.01", "less_than_equal"),
        ("days", "28", "int_type"),
        ("days", True, "int_type"),
        ("days", 0, "greater_than_equal"),
        ("days", 10**20, "int_type"),
        ("zone", "9", "literal_error"),
        ("zone", ["1"], "literal_error"),
        ("starts_on", "2026-02-30", "date_parsing"),
        ("starts_on", "20260202", "date_parsing"),
        ("nonsense", 1, "extra_forbidden"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_path(code: str, value: Any, kind: str) -> None:
    assert misfits({**FACTS["road-occupation"], code: value}) == [(f"facts.{code}", kind)]


def test_every_misfit_is_named_at_once() -> None:
    assert len(misfits({"area_m2": "x", "days": "y", "zone": "z", "starts_on": 1, "more": 2})) == 5


@pytest.mark.parametrize("value", ["x" * 2001, "nul\x00", "lone \ud800 surrogate", 5, {"a": 1}])
def test_text_is_bounded_and_writable(value: Any) -> None:
    assert misfits({"reason": value}, "tree-felling")[0][0] == "facts.reason"


def test_yes_and_no_are_booleans() -> None:
    assert misfits({"cooking_fumes": "yes"}, "restaurant-opening") == [
        ("facts.cooking_fumes", "bool_parsing")
    ]


@hypothesis_given(
    st.dictionaries(
        st.sampled_from([field.code for field in item("restaurant-opening").fields] + ["other"]),
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers())),
    )
)
def test_whatever_is_sent_either_fits_or_is_refused_by_path(facts: dict[str, Any]) -> None:
    try:
        kept = fitting_facts(item("restaurant-opening"), facts)
    except InvalidFacts as refused:
        named = [error["at"].startswith("facts.") for error in refused.extra["errors"]]
        assert all(named)
    else:
        assert set(kept) <= set(facts)
        assert all(value is not None and value != "" for value in kept.values())


def test_a_material_that_depends_on_the_facts_is_asked_only_then() -> None:
    of = item("restaurant-opening")
    small = {**FACTS["restaurant-opening"], "premises_m2": "50", "drains_to_sewer": False}
    assert [defect.target for defect in missing(of, small, ())] == [
        "floor-plan", "safety-system", "signboard-picture",
    ]  # fmt: skip
    assert "fire-declaration" in [defect.target for defect in missing(of, FACTS["restaurant-opening"], ())]


def test_a_material_whose_need_is_unknown_is_noted_as_such() -> None:
    noted = missing(item("restaurant-opening"), {}, ())
    (fire,) = [defect for defect in noted if defect.target == "fire-declaration"]
    assert "if your answers make it necessary" in fire.what


def test_materials_must_be_on_the_list_and_attached_once() -> None:
    with pytest.raises(InvalidMaterials) as refused:
        fitting_materials(item(), [material("site-plan"), material("site-plan"), material("selfie", "b")])
    assert [error["kind"] for error in refused.value.extra["errors"]] == [
        "attached_twice",
        "unknown_material",
    ]


def test_only_the_version_in_force_can_be_applied_for() -> None:
    older, newer = item(), item().model_copy(update={"version": 2})
    check_in_force(newer, day("2026-03-02"), newer)
    with pytest.raises(ItemNotInForce):
        check_in_force(older, day("2026-03-02"), newer)
    future = item().model_copy(update={"version": 3, "in_force_from": day("2026-04-01")})
    with pytest.raises(ItemNotInForce):
        check_in_force(future, day("2026-03-02"), newer)


def test_a_form_sends_text_and_the_type_decides() -> None:
    of = item("restaurant-opening")
    seats, fumes, area = of.field("seats"), of.field("cooking_fumes"), of.field("premises_m2")
    assert seats
    assert fumes
    assert area
    assert typed_answer(seats, " 40 ") == 40
    assert typed_answer(seats, "many") == "many"
    assert typed_answer(fumes, "yes") is True
    assert typed_answer(fumes, "no") is False
    assert typed_answer(area, "80.5") == "80.5"


@pytest.mark.parametrize(
    ("content", "media"),
    [
        (b"%PDF-1.7 ...", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n...", "image/png"),
        (b"\xff\xd8\xff\xe0...", "image/jpeg"),
        ("说明\n文字".encode(), "text/plain"),
    ],
)
def test_a_file_is_what_its_bytes_are(content: bytes, media: str) -> None:
    assert sniffed_type(content, None) == media
    assert sniffed_type(content, f"{media}; charset=utf-8") == media
    with pytest.raises(BadMaterial):
        sniffed_type(content, "image/gif")


@pytest.mark.parametrize(
    "content", [b"", b"MZ\x90\x00\x03", b"PK\x03\x04", b"GIF89a\x00", b"\xff\xfe", b"a\x00b"]
)
def test_other_files_are_not_taken(content: bytes) -> None:
    with pytest.raises(BadMaterial):
        sniffed_type(content, None)


def test_a_file_has_at_most_five_mebibytes() -> None:
    assert sniffed_type(b"%PDF-" + b"0" * (MOST_BYTES - 5), None) == "application/pdf"
    with pytest.raises(MaterialTooLarge):
        sniffed_type(b"%PDF-" + b"0" * (MOST_BYTES - 4), None)
