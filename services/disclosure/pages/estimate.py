"""Works out what a charge would probably come to, for whoever reads the guide; the bill is fee's alone.

Only the plain kind of standard is worked out (one rate for the whole quantity, nothing marginal, no minimum,
no exemption in reach): for any other the guide shows the table and no sum, rather than a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Any

from libs.conditions import BadCondition, holds
from libs.money import NotExact, decimal_text, exact_decimal, fen_from_yuan, product
from libs.pages import FieldError, mark

LARGEST = Decimal(1_000_000)  # beyond it somebody mistyped


@dataclass(frozen=True)
class Estimate:
    """The factors in the order they are multiplied, the rate with its tier, and the sum."""

    factors: tuple[tuple[Mapping[str, Any], str], ...]
    rate: str
    tier: Mapping[str, Any]
    total_fen: int


def is_plain(tariff: Mapping[str, Any]) -> bool:
    """Whether this module works out sums under the tariff at all."""
    flat = tariff["tier_by"] is None or tariff["tier_mode"] == "flat"
    return bool(flat and not tariff["exemptions"] and not tariff["minimum_fen"])


def estimate(tariff: Mapping[str, Any], given: Mapping[str, str]) -> Estimate | list[FieldError]:
    """The estimate for what was typed into the form, or the errors at its fields."""
    facts, errors = _read(tariff, given)
    if errors:
        return errors
    try:
        bands = [band for band in tariff["bands"] if holds(band["when"], facts)]
    except BadCondition:
        bands = []
    if len(bands) != 1:
        return [FieldError("", mark("这样的组合没有公布费率"))]
    inputs = {entry["code"]: entry for entry in tariff["inputs"]}
    tier = _tier(bands[0]["tiers"], _units(tariff, tariff["tier_by"], facts))
    numbers = [(inputs[code], _units(tariff, code, facts) or Decimal(0)) for code in tariff["quantity"]]
    total = product(*(number for _, number in numbers), exact_decimal(tier["rate"]))
    factors = tuple((entry, decimal_text(number)) for entry, number in numbers)
    return Estimate(factors, tier["rate"], tier, fen_from_yuan(total))


def _read(tariff: Mapping[str, Any], given: Mapping[str, str]) -> tuple[dict[str, Any], list[FieldError]]:
    facts: dict[str, Any] = {}
    errors: list[FieldError] = []
    for entry in tariff["inputs"]:
        code, text = entry["code"], given.get(entry["code"], "").strip()
        if entry["type"] == "boolean":
            facts[code] = text == "true"
        elif entry["type"] == "choice":
            if text not in {choice["code"] for choice in entry["choices"] or ()}:
                errors.append(FieldError(code, mark("请从列出的选项中选择")))
            facts[code] = text
        else:
            number = _number(text, whole=entry["type"] == "integer")
            if number is None:
                whole = entry["type"] == "integer"
                errors.append(
                    FieldError(code, mark("请填写整数") if whole else mark("请填写数字，例如 12.5"))
                )
            facts[code] = number
    return facts, errors


def _number(text: str, *, whole: bool) -> Decimal | None:
    try:
        number = exact_decimal(text)
    except NotExact:
        return None
    if not 0 <= number <= LARGEST or (whole and number != number.to_integral_value()):
        return None
    return number


def _units(tariff: Mapping[str, Any], code: str | None, facts: Mapping[str, Any]) -> Decimal | None:
    if code is None:
        return None
    number: Decimal = facts[code]
    up = tariff["part_unit"].get(code) == "up"
    return number.to_integral_value(rounding=ROUND_CEILING) if up else number


def _tier(tiers: list[dict[str, Any]], reach: Decimal | None) -> dict[str, Any]:
    if reach is None:
        return tiers[0]
    return next(tier for tier in tiers if tier["up_to"] is None or reach <= exact_decimal(tier["up_to"]))
