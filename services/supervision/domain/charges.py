"""Recomputes a charge from the published tariff and the case's facts (AL 58, 59): exact, whole fen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal, localcontext
from typing import Any

from pydantic import BaseModel

from services.supervision.domain.conditions import is_met, number

_FEN_PER_YUAN = 100


class CannotRecompute(ValueError):
    """The published tariff does not say what these facts cost."""


class Tier(BaseModel, frozen=True):
    """A rate in yuan for quantities up to and including ``up_to`` (None: without end)."""

    up_to: Decimal | None
    rate: Decimal


class Band(BaseModel, frozen=True):
    """The tiers that apply while ``when`` holds on the inputs."""

    when: dict[str, Any] | None = None
    tiers: tuple[Tier, ...]


class Exemption(BaseModel, frozen=True):
    """Who pays nothing, by which clause."""

    code: str
    when: dict[str, Any] | None = None


class Tariff(BaseModel, frozen=True):
    """One published version of a fee standard, as far as it says what a case costs."""

    tariff_code: str
    version: int
    bands: tuple[Band, ...]
    tier_by: str | None = None
    tier_mode: str = "flat"
    quantity: tuple[str, ...]
    minimum_fen: int = 0
    part_unit: dict[str, str] = {}
    exemptions: tuple[Exemption, ...] = ()


@dataclass(frozen=True, slots=True)
class Charge:
    """What a case costs: one amount per line in the order of the tiers, and the total; integer fen."""

    lines: tuple[tuple[Decimal, int], ...]
    total_fen: int


def recompute(tariff: Tariff, inputs: Mapping[str, Any]) -> Charge:
    """The charge for ``inputs``; CannotRecompute when no band fits or a quantity is missing."""
    if any(is_met(each.when, inputs) for each in tariff.exemptions):
        return Charge((), 0)
    band = next((each for each in tariff.bands if is_met(each.when, inputs)), None)
    if band is None:
        raise CannotRecompute(f"no band of {tariff.tariff_code} fits the facts")
    with localcontext() as context:
        context.prec = 60
        amounts = {code: _quantity(tariff, code, inputs) for code in tariff.quantity}
        lines = tuple((rate, _fen(units * rate)) for rate, units in _shares(tariff, band, amounts, inputs))
    total = sum(fen for _, fen in lines)
    return Charge(lines, max(total, tariff.minimum_fen))


def _quantity(tariff: Tariff, code: str, inputs: Mapping[str, Any]) -> Decimal:
    amount = number(inputs.get(code))
    if amount is None or amount < 0:
        raise CannotRecompute(f"the facts give no quantity {code}")
    if tariff.part_unit.get(code) == "up":  # a unit begun is a unit
        return amount.to_integral_value(ROUND_CEILING)
    return amount


def _shares(
    tariff: Tariff, band: Band, amounts: Mapping[str, Decimal], inputs: Mapping[str, Any]
) -> Iterator[tuple[Decimal, Decimal]]:
    """(rate, units) per line: one line for a flat tariff, one per tier begun for a marginal one."""
    whole = Decimal(1)
    for amount in amounts.values():
        whole *= amount
    if tariff.tier_by is None:
        yield band.tiers[0].rate, whole
        return
    measure = amounts.get(tariff.tier_by)
    if measure is None:
        measure = _quantity(tariff, tariff.tier_by, inputs)
    if tariff.tier_mode == "flat":
        yield next(tier.rate for tier in _reaching(band, measure)), whole
        return
    others = Decimal(1)
    for code, amount in amounts.items():
        if code != tariff.tier_by:
            others *= amount
    below = Decimal(0)
    for tier in band.tiers:
        upper = measure if tier.up_to is None else min(measure, tier.up_to)
        if upper > below:
            yield tier.rate, (upper - below) * others
            below = upper
    if below < measure:
        raise CannotRecompute(f"no tier of {tariff.tariff_code} reaches {measure}")


def _reaching(band: Band, measure: Decimal) -> Iterator[Tier]:
    found = False
    for tier in band.tiers:
        if tier.up_to is None or measure <= tier.up_to:
            found = True
            yield tier
    if not found:
        raise CannotRecompute(f"no tier reaches {measure}")


def _fen(yuan: Decimal) -> int:
    return int((yuan * _FEN_PER_YUAN).quantize(Decimal(1), ROUND_HALF_UP))
