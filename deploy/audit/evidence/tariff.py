"""What a published tariff asks for given facts, in fen, with exact fractions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from deploy.audit.evidence.facts import exact, holds


class NoCharge(ValueError):
    """The tariff does not say what these facts cost."""


def charge_fen(tariff: Mapping[str, Any], inputs: Mapping[str, Any]) -> int:
    """The total in fen; NoCharge when no band or tier fits."""
    if any(holds(each.get("when"), inputs) for each in tariff.get("exemptions") or ()):
        return 0
    bands = [each for each in tariff["bands"] if holds(each.get("when"), inputs)]
    if not bands:
        raise NoCharge("no band fits")
    part_unit = tariff.get("part_unit") or {}

    def amount(code: str) -> Fraction:
        number = exact(inputs.get(code))
        if number is None or number < 0:
            raise NoCharge(f"no quantity {code}")
        return Fraction(math.ceil(number)) if part_unit.get(code) == "up" else number

    whole = math.prod((amount(code) for code in tariff["quantity"]), start=Fraction(1))
    tier_by = tariff.get("tier_by")
    tiers = bands[0]["tiers"]
    if tier_by is None:
        lines = [whole * Fraction(tiers[0]["rate"])]
    elif tariff.get("tier_mode") == "marginal":
        rest = [amount(code) for code in tariff["quantity"] if code != tier_by]
        others = math.prod(rest, start=Fraction(1))
        lines = _slices(tiers, amount(tier_by), others)
    else:
        lines = [whole * _rate(tiers, amount(tier_by))]
    return max(sum(map(_fen, lines)), int(tariff.get("minimum_fen") or 0))


def _rate(tiers: list[Mapping[str, Any]], reach: Fraction) -> Fraction:
    for tier in tiers:
        if tier["up_to"] is None or reach <= Fraction(tier["up_to"]):
            return Fraction(tier["rate"])
    raise NoCharge("no tier reaches")


def _slices(tiers: list[Mapping[str, Any]], reach: Fraction, others: Fraction) -> list[Fraction]:
    """Each part of the reach at its own tier's rate; the other quantities multiply every part."""
    low, lines = Fraction(0), []
    for tier in tiers:
        high = reach if tier["up_to"] is None else min(reach, Fraction(tier["up_to"]))
        if high > low:
            lines.append((high - low) * others * Fraction(tier["rate"]))
            low = high
    if low < reach:
        raise NoCharge("no tier reaches")
    return lines


def _fen(yuan: Fraction) -> int:
    return math.floor(yuan * 100 + Fraction(1, 2))
