"""A schema never changes under its name in a way that a hearer of another age would feel."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from libs import contracts
from libs.flow import CONTRACTS, FLOW
from tests.contracts.compatibility import breaks

RELEASED = CONTRACTS / "released"
Schema = dict[str, Any]


def released(event: str) -> Schema | None:
    """The schema as last released; None for an event that is newer than the last release."""
    path = contracts.schema_path(event, RELEASED)
    schema: Schema | None = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    return schema


@pytest.mark.parametrize("event", FLOW.event_names)
def test_schema_is_compatible_with_its_last_release(event: str) -> None:
    before = released(event)
    if before is not None:
        assert breaks(before, contracts.schema(event)) == []


def test_every_released_event_is_still_told() -> None:
    kept = {
        f"{path.parent.name}.{path.name.removesuffix('.schema.json')}"
        for path in RELEASED.rglob("*.schema.json")
    }
    assert kept, "found no released schemas"
    assert kept <= FLOW.rules.keys(), (
        "an event that was released may only go after its next version replaced it"
    )


def _without_member(schema: Schema) -> None:
    del schema["properties"]["total_fen"]
    schema["required"].remove("total_fen")


def _new_required(schema: Schema) -> None:
    schema["properties"]["currency"] = {"type": "string"}
    schema["required"].append("currency")


def _no_longer_required(schema: Schema) -> None:
    schema["required"].remove("bill")


def _other_type(schema: Schema) -> None:
    schema["properties"]["total_fen"] = {"type": "string"}


def _narrower_list(schema: Schema) -> None:
    schema["$defs"]["Line"]["properties"]["tier_mode"]["enum"] = ["flat"]


def _wider_list(schema: Schema) -> None:
    schema["$defs"]["Line"]["properties"]["tier_mode"]["enum"] = ["flat", "marginal", "stepped"]


def _other_pattern(schema: Schema) -> None:
    schema["properties"]["bill_no"]["pattern"] = "^BILL-[0-9]+$"


def _renamed(schema: Schema) -> None:
    schema["properties"]["sum_fen"] = schema["properties"].pop("total_fen")
    schema["required"][schema["required"].index("total_fen")] = "sum_fen"


def _not_null(schema: Schema) -> None:
    schema["$defs"]["Line"]["properties"]["tier"] = {"type": "string"}


def _closed(schema: Schema) -> None:
    schema["additionalProperties"] = False
    del schema["properties"]["payee"]


@pytest.mark.parametrize(
    "breach",
    [_without_member, _new_required, _no_longer_required, _other_type, _narrower_list, _wider_list, _other_pattern,
     _renamed, _not_null, _closed],
)  # fmt: skip
def test_planted_breach_is_found(breach: Callable[[Schema], None]) -> None:
    before = contracts.schema("fee.charge_assessed.v1")
    after = copy.deepcopy(before)
    breach(after)
    assert breaks(before, after)


def _new_optional(schema: Schema) -> None:
    schema["properties"]["note"] = {"type": "string"}


def _new_words(schema: Schema) -> None:
    schema["description"] = "Said better."
    schema["properties"]["note"] = {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}


@pytest.mark.parametrize("change", [_new_optional, _new_words])
def test_harmless_change_is_let_through(change: Callable[[Schema], None]) -> None:
    before = contracts.schema("fee.charge_assessed.v1")
    after = copy.deepcopy(before)
    change(after)
    assert before != after
    assert breaks(before, after) == []


@pytest.mark.parametrize("event", FLOW.event_names)
def test_every_schema_can_be_judged(event: str) -> None:
    before = contracts.schema(event)
    wider, narrower = copy.deepcopy(before), copy.deepcopy(before)
    _new_optional(wider)
    narrower["required"] = [*narrower["required"], "note"]
    narrower["properties"]["note"] = {"type": "string"}
    assert breaks(before, wider) == []
    assert breaks(before, narrower) == ["a new hearer refuses an event said before"]
