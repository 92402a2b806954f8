"""Knows the law that a tariff must satisfy to be published."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from services.disclosure.domain.breaches import Breach, Published, version_breaches
from services.disclosure.domain.documents import Band, Tariff
from services.disclosure.domain.facts_conditions import undecidable

FEE_RANKS = frozenset({"law", "admin_regulation"})  # AL 58(1)
NUMBERS = frozenset({"integer", "decimal"})


def tariff_breaches(tariff: Tariff, in_force_from: date, published: Published) -> list[Breach]:
    """Everything that forbids publishing ``tariff``; a first version may name the day its standard began."""
    return [
        *version_breaches(tariff.version, in_force_from, published, history=True),
        *fee_basis_breaches(tariff, "basis"),
        *_period(tariff, in_force_from),
        *_inputs(tariff),
        *_bands(tariff),
    ]


def fee_basis_breaches(tariff: Tariff, path: str) -> Iterator[Breach]:
    """AL 58(1), 59: a charge needs a law or an administrative regulation, and it goes to the treasury."""
    if not any(basis.rank in FEE_RANKS for basis in tariff.basis):
        ranks = ", ".join(sorted({basis.rank for basis in tariff.basis})) or "no basis"
        yield Breach("fee_basis_rank", path, f"{ranks} cannot allow a charge")
    if tariff.payee != "treasury":
        yield Breach("payee_not_treasury", "payee" if path == "basis" else path, tariff.payee)


def _period(tariff: Tariff, in_force_from: date) -> Iterator[Breach]:
    if tariff.in_force_until is not None and tariff.in_force_until < in_force_from:
        yield Breach("tariff_period", "in_force_until", f"{tariff.in_force_until} is before {in_force_from}")


def _inputs(tariff: Tariff) -> Iterator[Breach]:
    inputs = {entry.code: entry for entry in tariff.inputs}
    if len(inputs) != len(tariff.inputs):
        yield Breach("code_repeated", "inputs", "an input is declared twice")
    used = [("quantity", code) for code in tariff.quantity] + [
        ("part_unit", code) for code in tariff.part_unit
    ]
    used += [("tier_by", tariff.tier_by)] if tariff.tier_by else []
    for path, code in used:
        if code not in inputs or inputs[code].type not in NUMBERS:
            yield Breach("tariff_input_unknown", path, f"{code} is no number among the inputs")
    conds = [(f"bands.{at}.when", band.when) for at, band in enumerate(tariff.bands)]
    conds += [(f"exemptions.{at}.when", entry.when) for at, entry in enumerate(tariff.exemptions)]
    for path, cond in conds:
        for reason in undecidable(cond, inputs):
            yield Breach("condition_invalid", path, reason)


def _bands(tariff: Tariff) -> Iterator[Breach]:
    if not tariff.bands or not tariff.quantity:
        yield Breach("tariff_tiers", "bands", "nothing is charged for")
    for at, band in enumerate(tariff.bands):
        yield from _tiers(tariff, band, f"bands.{at}.tiers")


def _tiers(tariff: Tariff, band: Band, path: str) -> Iterator[Breach]:
    for at, tier in enumerate(band.tiers):
        if Decimal(tier.rate) < 0:
            yield Breach("tariff_rate", f"{path}.{at}.rate", tier.rate)
    if not band.tiers or band.tiers[-1].up_to is not None:
        yield Breach("tariff_tiers", path, "the last tier is to be open")
        return
    limits = [tier.up_to for tier in band.tiers[:-1]]
    if any(limit is None for limit in limits):
        yield Breach("tariff_tiers", path, "only the last tier is open")
        return
    numbers = [Decimal(limit) for limit in limits if limit is not None]
    if numbers != sorted(set(numbers)) or any(number <= 0 for number in numbers):
        yield Breach("tariff_tiers", path, "the tiers do not rise")
    if numbers and tariff.tier_by is None:
        yield Breach("tariff_tiers", path, "tiers of which input?")
