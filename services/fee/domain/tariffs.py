"""Knows a published tariff: its shape, whether it may be charged at all, which version counts on a day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from libs.money import exact_decimal
from libs.refusals import Refusal

LEGAL_TIME = ZoneInfo("Asia/Shanghai")
# AL 58(1): only a law or an administrative regulation can carry a fee; what stands below may only add detail.
BASIS_RANKS = frozenset({"law", "admin_regulation"})


def legal_day(moment: datetime) -> date:
    """The calendar day of an instant, in the time of the law."""
    return moment.astimezone(LEGAL_TIME).date()


class TariffNotPublished(Refusal):
    """What was never published cannot be charged (AL 59)."""

    code = "tariff_not_published"
    title = "This tariff was never published."


class TariffNotInForce(Refusal):
    """No published version was in force on the day that counts."""

    code = "tariff_not_in_force"
    title = "No published version of this tariff was in force on that day."


class TariffWithoutBasis(Refusal):
    """AL 58(1): no basis in law or administrative regulation, no fee."""

    code = "tariff_without_basis"
    title = "This tariff names no law and no administrative regulation as its basis."


def _exact(text: str) -> str:
    exact_decimal(text)
    return text


def _not_negative(text: str) -> str:
    if exact_decimal(text) < 0:
        raise ValueError("must not be negative")
    return text


DecimalText = Annotated[str, AfterValidator(_exact)]
Rate = Annotated[str, AfterValidator(_not_negative)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class LocalText(_Part):
    """One text in the two languages of the house."""

    zh: str
    en: str

    def in_language(self, language: str) -> str:
        """The text in ``language`` ("en", otherwise Chinese)."""
        return self.en if language.startswith("en") else self.zh


class Basis(_Part):
    """Where the power to charge comes from: rank of the rule, its name, the article."""

    rank: str
    document: str
    article: str


class Choice(_Part):
    """One admissible value of a choice input."""

    code: str
    label: LocalText


class Input(_Part):
    """One fact the tariff needs."""

    code: str
    type: Literal["decimal", "integer", "choice", "boolean"]
    label: LocalText | None = None
    choices: tuple[Choice, ...] | None = None


class Tier(_Part):
    """One rate, yuan per unit, up to and including ``up_to`` of the tariff's tier_by (None: no end)."""

    up_to: DecimalText | None = None
    rate: Rate
    label: LocalText | None = None

    @property
    def limit(self) -> Decimal | None:
        """``up_to`` as a number."""
        return None if self.up_to is None else exact_decimal(self.up_to)


class Band(_Part):
    """The tiers that count when ``when`` holds for the inputs (None: always)."""

    when: dict[str, Any] | None = None
    tiers: tuple[Tier, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _tiers_rise_and_end_open(self) -> Band:
        limits = [tier.limit for tier in self.tiers]
        if limits[-1] is not None or None in limits[:-1]:
            raise ValueError("the last tier, and only the last, has no upper limit")
        closed = [limit for limit in limits if limit is not None]
        if any(low >= high for low, high in pairwise(closed)):
            raise ValueError("tiers must rise")
        return self


class Exemption(_Part):
    """Who pays nothing, when, and on what basis."""

    code: str
    when: dict[str, Any] | None = None
    basis: str


class Tariff(_Part):
    """One published version of a fee standard. Rates are yuan per ``unit``; sums are fen."""

    tariff_code: str
    version: int
    name: LocalText
    charge_kind: str
    basis: tuple[Basis, ...]
    in_force_from: date
    in_force_until: date | None = None
    unit: str
    inputs: tuple[Input, ...]
    bands: tuple[Band, ...] = Field(min_length=1)
    tier_by: str | None = None
    tier_mode: Literal["flat", "marginal"]
    quantity: tuple[str, ...] = Field(min_length=1)
    minimum_fen: int = Field(default=0, ge=0)
    part_unit: Mapping[str, Literal["exact", "up"]] = Field(default_factory=dict)
    rounding: Literal["half_up_fen_per_line"]
    exemptions: tuple[Exemption, ...] = ()
    subject_code: str = Field(min_length=1)
    payee: Literal["treasury"]  # AL 59: all of it, to the treasury, directly
    published_at: datetime

    @model_validator(mode="after")
    def _names_fit_together(self) -> Tariff:
        numeric = {entry.code for entry in self.inputs if entry.type in ("decimal", "integer")}
        if not set(self.quantity) <= numeric or not set(self.part_unit) <= numeric:
            raise ValueError("quantity and part_unit name numeric inputs only")
        if self.tier_by is not None and self.tier_by not in numeric:
            raise ValueError("tier_by names a numeric input")
        if self.tier_by is None and any(len(band.tiers) > 1 for band in self.bands):
            raise ValueError("several tiers need tier_by")
        if self.tier_mode == "marginal" and self.tier_by is not None and self.tier_by not in self.quantity:
            raise ValueError("marginal tiers cut a quantity that is multiplied")
        return self

    @property
    def published_on(self) -> date:
        """The legal day of publication."""
        return legal_day(self.published_at)

    def label(self, code: str, language: str) -> str:
        """What people call an input, or its code."""
        for entry in self.inputs:
            if entry.code == code and entry.label is not None:
                return entry.label.in_language(language)
        return code


def require_basis(tariff: Tariff) -> None:
    """Refuse a tariff that may not be charged even if someone published it (AL 58(1))."""
    if not any(entry.rank in BASIS_RANKS and entry.article for entry in tariff.basis):
        raise TariffWithoutBasis(f"{tariff.tariff_code} version {tariff.version}")


def is_in_force(tariff: Tariff, on: date) -> bool:
    """Whether this version was published by ``on`` and in force on that day."""
    ended = tariff.in_force_until is not None and on > tariff.in_force_until
    return tariff.in_force_from <= on and tariff.published_on <= on and not ended


def version_in_force(versions: Iterable[Tariff], tariff_code: str, on: date) -> Tariff:
    """The version that counts on ``on``: of those in force the one that began last."""
    known = [tariff for tariff in versions if tariff.tariff_code == tariff_code]
    if not known:
        raise TariffNotPublished(tariff_code)
    current = [tariff for tariff in known if tariff.in_force_from <= on and tariff.published_on <= on]
    latest = max(current, key=lambda tariff: (tariff.in_force_from, tariff.version), default=None)
    if latest is None or not is_in_force(latest, on):
        raise TariffNotInForce(f"{tariff_code} on {on.isoformat()}")
    return latest
