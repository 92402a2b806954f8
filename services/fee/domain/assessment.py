"""Knows how a published tariff becomes a sum: exact, deterministic, and written so that anyone redoes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import ROUND_CEILING, Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from libs.conditions import holds
from libs.money import EXACT, NotExact, decimal_text, exact_decimal, fen_from_yuan, product, yuan_from_fen
from libs.refusals import Refusal
from services.fee.domain.tariffs import (
    Band,
    Input,
    Tariff,
    TariffNotInForce,
    Tier,
    is_in_force,
    require_basis,
)

LARGEST_FACT = Decimal(10) ** 9
LARGEST_TOTAL_FEN = 10**15  # ten thousand billion yuan; keeps every sum of bills inside a bigint


class FactMissing(Refusal):
    """A fact the tariff needs was not given."""

    code = "charge_fact_missing"
    status = 422
    title = "A fact this charge is computed from is missing."


class FactUnknown(Refusal):
    """A fact the tariff does not know must not influence a sum."""

    code = "charge_fact_unknown"
    status = 422
    title = "The tariff does not know this fact."


class FactInvalid(Refusal):
    """A fact is no exact number, or no value the tariff lists."""

    code = "charge_fact_invalid"
    status = 422
    title = "A fact this charge is computed from has no usable value."


class FactNegative(Refusal):
    """Nothing is charged for less than nothing."""

    code = "charge_fact_negative"
    status = 422
    title = "A fact this charge is computed from is negative."


class FactTooLarge(Refusal):
    """Beyond any real case: a mistake, not a bill."""

    code = "charge_fact_too_large"
    status = 422
    title = "A fact or the resulting sum is larger than any real case."


class NoBand(Refusal):
    """No rate was published for these facts, or more than one."""

    code = "charge_no_single_rate"
    title = "The tariff does not publish exactly one rate for these facts."


class Line(BaseModel):
    """One charge of a bill: Π quantity × rate, rounded half-up once, is amount_fen."""

    model_config = ConfigDict(frozen=True)

    charge_kind: str
    quantity: Mapping[str, str]
    rate: str
    tier: str | None
    tier_mode: Literal["flat", "marginal"]
    amount_fen: int = Field(ge=0)
    formula: str


class Assessment(BaseModel):
    """What is to be paid under one tariff version, and why."""

    model_config = ConfigDict(frozen=True)

    tariff_code: str
    tariff_version: int
    subject_code: str
    facts: Mapping[str, str | bool]
    lines: tuple[Line, ...]
    total_fen: int = Field(ge=0)
    exemption: str | None = None


def assess(tariff: Tariff, facts: Mapping[str, object], on: date) -> Assessment:
    """The lines and the total for ``facts`` under ``tariff``, which must be in force on ``on``.

    Pure: the same facts, version and day always give the same answer (AL 5(3)). Raises a Refusal with a
    stable code for everything that has no one exact sum.
    """
    require_basis(tariff)
    if not is_in_force(tariff, on):
        raise TariffNotInForce(f"{tariff.tariff_code} version {tariff.version} on {on.isoformat()}")
    values = read_facts(tariff, facts)
    exemption = next((entry for entry in tariff.exemptions if holds(entry.when, values)), None)
    if exemption is not None:
        charged = {code: _whole_units(tariff, code, values) for code in tariff.quantity}
        lines = [_line(tariff, charged, "0", f"exempt: {exemption.code}")]
    else:
        lines = _lines(tariff, _one_band(tariff, values), values)
    total_fen = sum(line.amount_fen for line in lines)
    if total_fen > LARGEST_TOTAL_FEN:
        raise FactTooLarge("the sum")
    return Assessment(
        tariff_code=tariff.tariff_code,
        tariff_version=tariff.version,
        subject_code=tariff.subject_code,
        facts={
            code: decimal_text(fact) if isinstance(fact, Decimal) else fact for code, fact in values.items()
        },
        lines=tuple(lines),
        total_fen=total_fen,
        exemption=exemption.code if exemption else None,
    )


def read_facts(tariff: Tariff, facts: Mapping[str, object]) -> dict[str, Any]:
    """The tariff's inputs, each checked: numbers as Decimal, choices as text, booleans."""
    known = {entry.code: entry for entry in tariff.inputs}
    for code in facts:
        if code not in known:
            raise FactUnknown(code)
    for code in known:
        if facts.get(code) is None:
            raise FactMissing(code)
    return {code: _read_fact(entry, facts[code]) for code, entry in known.items()}


def _read_fact(entry: Input, value: object) -> Decimal | str | bool:
    if entry.type == "boolean":
        if not isinstance(value, bool):
            raise FactInvalid(entry.code)
        return value
    if entry.type == "choice":
        if not isinstance(value, str) or value not in {choice.code for choice in entry.choices or ()}:
            raise FactInvalid(entry.code)
        return value
    try:
        number = exact_decimal(value)
    except NotExact as broken:
        raise FactInvalid(f"{entry.code}: {broken}") from broken
    if entry.type == "integer" and number != number.to_integral_value():
        raise FactInvalid(f"{entry.code} is a whole number")
    if number < 0:
        raise FactNegative(entry.code)
    if number > LARGEST_FACT:
        raise FactTooLarge(entry.code)
    return number


def _one_band(tariff: Tariff, values: Mapping[str, Any]) -> Band:
    fitting = [band for band in tariff.bands if holds(band.when, values)]
    if len(fitting) != 1:
        raise NoBand(f"{tariff.tariff_code} version {tariff.version}: {len(fitting)} rates fit")
    return fitting[0]


def _whole_units(tariff: Tariff, code: str, values: Mapping[str, Any]) -> Decimal:
    number: Decimal = values[code]
    if tariff.part_unit.get(code) == "up":
        return number.to_integral_value(rounding=ROUND_CEILING)
    return number


def _lines(tariff: Tariff, band: Band, values: Mapping[str, Any]) -> list[Line]:
    charged = {code: _whole_units(tariff, code, values) for code in tariff.quantity}
    if tariff.tier_by is None:
        lines = [_line(tariff, charged, band.tiers[0].rate, None)]
    elif tariff.tier_mode == "flat":
        reach = _whole_units(tariff, tariff.tier_by, values)
        low, tier = _tier_of(band, reach)
        lines = [_line(tariff, charged, tier.rate, tier_text(tariff.tier_by, low, tier))]
    else:
        lines = _slices(tariff, band, charged, tariff.tier_by)
    return [*lines, *_minimum(tariff, sum(line.amount_fen for line in lines))]


def _tier_of(band: Band, reach: Decimal) -> tuple[Decimal, Tier]:
    low = Decimal(0)
    for tier in band.tiers:
        if tier.limit is None or reach <= tier.limit:
            return low, tier
        low = tier.limit
    raise AssertionError("the last tier has no limit")


def _slices(tariff: Tariff, band: Band, charged: Mapping[str, Decimal], tier_by: str) -> list[Line]:
    lines: list[Line] = []
    low = Decimal(0)
    for tier in band.tiers:
        high = charged[tier_by] if tier.limit is None else min(charged[tier_by], tier.limit)
        if high > low or not lines:
            part = {**charged, tier_by: EXACT.subtract(high, low)}
            lines.append(_line(tariff, part, tier.rate, tier_text(tier_by, low, tier)))
        if tier.limit is None or charged[tier_by] <= tier.limit:
            break
        low = tier.limit
    return lines


def tier_text(tier_by: str, low: Decimal, tier: Tier) -> str:
    """How a bill names a tier: "days ≤ 92", "days > 366"."""
    if tier.limit is None:
        return f"{tier_by} > {decimal_text(low)}"
    return f"{tier_by} ≤ {decimal_text(tier.limit)}"


def _minimum(tariff: Tariff, sum_fen: int) -> list[Line]:
    if sum_fen >= tariff.minimum_fen:
        return []
    missing = format(yuan_from_fen(tariff.minimum_fen - sum_fen), "f")
    return [_line(tariff, {"minimum": Decimal(1)}, missing, f"minimum {yuan_from_fen(tariff.minimum_fen):f}")]


def _line(tariff: Tariff, quantity: Mapping[str, Decimal], rate: str, tier: str | None) -> Line:
    exact = product(*quantity.values(), exact_decimal(rate))
    amount_fen = fen_from_yuan(exact)
    texts = {code: decimal_text(number) for code, number in quantity.items()}
    amount = format(yuan_from_fen(amount_fen), "f")
    shown = f"= {amount}" if exact == yuan_from_fen(amount_fen) else f"= {decimal_text(exact)} ≈ {amount}"
    return Line(
        charge_kind=tariff.charge_kind,
        quantity=texts,
        rate=rate,
        tier=tier,
        tier_mode=tariff.tier_mode,
        amount_fen=amount_fen,
        formula=f"{' × '.join([*texts.values(), rate])} {shown}",
    )
