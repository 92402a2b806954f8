"""Knows the shape of what is published: service items, tariffs, calendars and rules.

The shape is checked here, the law in the *_law rooms. Documents are immutable; a change is a new version.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


def _decimal_text(text: str) -> str:
    try:
        finite = Decimal(text).is_finite()
    except InvalidOperation:
        finite = False
    if not finite or text != text.strip():
        raise ValueError("a decimal number written as text is wanted")
    return text


def _json_only(value: Any) -> Any:
    """A condition is plain JSON of small depth; dates that a YAML reader made are not."""
    if isinstance(value, dict):
        return {str(key): _json_only(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_json_only(part) for part in value]
    if value is None or isinstance(value, (str, int, bool)):
        return value
    raise ValueError("conditions hold objects, lists, text, whole numbers and booleans only")


Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_\-]{0,63}$")]
Text = Annotated[str, Field(min_length=1, max_length=8000, pattern=r"\S")]
Day = Annotated[date, Field(strict=False)]
DecimalText = Annotated[str, Field(max_length=40), AfterValidator(_decimal_text)]
WorkingDays = Annotated[int, Field(ge=0, le=400)]
Cond = Annotated[dict[str, Any] | None, BeforeValidator(_json_only)]
Rank = Literal["law", "admin_regulation", "local_regulation", "rule"]


class Document(BaseModel):
    """Exact types and no unknown members: what is published means what it says."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class LocalText(Document):
    """One text in both languages of the center."""

    zh: Text
    en: Text


class Source(Document):
    """Where the facts come from and the day they were seen there."""

    title: Text
    seen_on: Day


class Basis(Document):
    """The law an item rests on; ``sets_limit`` marks a special law with a longer limit (AL 42(1))."""

    law: Text
    article: Text
    rank: Rank
    sets_limit: bool = False


class Condition(Document):
    """One published condition; what is not among them cannot be a ground of refusal (AL 5(2), 38)."""

    code: Code
    text: LocalText
    basis: Text


class Material(Document):
    """One material: always required, required when a condition on the facts holds, or optional."""

    code: Code
    name: LocalText
    required: bool
    required_when: Cond
    checked_by: Code


class Choice(Document):
    """One value of a choice."""

    code: Code
    label: LocalText


class FormField(Document):
    """One field of the form; ``serves`` names the conditions, materials or tariff it is asked for (AL 29)."""

    code: Code
    label: LocalText
    type: Literal["integer", "decimal", "text", "choice", "boolean", "date"]
    choices: list[Choice] | None
    minimum: DecimalText | None
    maximum: DecimalText | None
    required: bool
    serves: list[Code]


class Limits(Document):
    """All in working days (AL 82)."""

    notice_wd: WorkingDays
    check_wd: WorkingDays
    promised_wd: WorkingDays
    statutory_wd: WorkingDays
    extension_wd: WorkingDays
    delivery_wd: WorkingDays


class Correction(Document):
    """How long the applicant has to answer the one-time notice, and what silence means."""

    respond_wd: Annotated[int, Field(ge=1, le=400)]
    on_silence: Literal["declined"]


class PlanStep(Document):
    """One department's review: after which others it releases, when it takes part, what it examines."""

    department: Code
    role: Literal["lead", "review"]
    limit_wd: WorkingDays
    after: list[Code]
    when: Cond
    conditions: list[Code]


class ItemFee(Document):
    """Which tariff applies, when it is asked, and which fields feed its inputs."""

    tariff_code: Code
    timing: Literal["on_acceptance", "before_delivery"]
    inputs: dict[Code, Code]


class Permit(Document):
    """The document a grant leads to; valid for days, until the day in a field, or without end."""

    name: LocalText
    validity_days: Annotated[int, Field(ge=1)] | None
    valid_until_field: Code | None


class Remedies(Document):
    """Who hears the applicant after a refusal (AL 7, 38)."""

    reconsideration_authority: LocalText
    court: LocalText
    compensation_agency: LocalText


class ServiceItem(Document):
    """A permit matter as the public reads it (the disclosure set of AL 30)."""

    item_code: Code
    version: Annotated[int, Field(ge=1)]
    name: LocalText
    summary: LocalText
    life_events: list[Code]
    mode: Literal["single", "unified", "joint", "central"]
    lead: Code
    basis: list[Basis]
    conditions: list[Condition]
    materials: list[Material]
    fields: list[FormField]
    quantity: Annotated[int, Field(ge=1)] | None
    limits: Limits
    correction: Correction
    plan: list[PlanStep]
    decision: Literal["by_lead", "unanimous"]
    hearing: Literal["none", "required"]
    fee: ItemFee | None
    permit: Permit
    remedies: Remedies
    in_force_from: Day | None = None
    source: Source


class TariffBasis(Document):
    """One rule a charge rests on."""

    rank: Rank
    document: Text
    article: Text


class TariffInput(Document):
    """One fact a charge is computed from."""

    code: Code
    type: Literal["integer", "decimal", "choice", "boolean"]
    label: LocalText | None = None
    choices: list[Choice] | None = None


class Tier(Document):
    """A rate in yuan per unit, up to and including a quantity; the last tier is open."""

    up_to: DecimalText | None
    rate: DecimalText
    label: LocalText | None = None


class Band(Document):
    """The tiers that apply when a condition over the inputs holds."""

    when: Cond
    tiers: list[Tier]


class Exemption(Document):
    """Who need not pay, by which rule."""

    code: Code
    when: Cond
    basis: Text


class Tariff(Document):
    """A published fee standard (AL 58–59)."""

    tariff_code: Code
    version: Annotated[int, Field(ge=1)]
    name: LocalText
    charge_kind: Code
    basis: list[TariffBasis]
    in_force_from: Day | None = None
    in_force_until: Day | None
    unit: Code
    inputs: list[TariffInput]
    bands: list[Band]
    tier_by: Code | None
    tier_mode: Literal["flat", "marginal"]
    quantity: list[Code]
    minimum_fen: Annotated[int, Field(ge=0)]
    part_unit: dict[Code, Literal["exact", "up"]]
    rounding: Literal["half_up_fen_per_line"]
    exemptions: list[Exemption]
    subject_code: Code
    payee: Code
    source: Source


class BusinessHours(Document):
    """When agencies open and close, HH:MM in local time; an agency's legal day ends at ``closes``."""

    opens: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
    closes: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class YearCalendar(Document):
    """One year's days off and make-up working days, as the State Council's notice orders them (T-3, T-4)."""

    year: Annotated[int, Field(ge=2000, le=2200)]
    version: Annotated[int, Field(ge=1)]
    document_no: Text
    days_off: list[Day]
    make_up_days: list[Day]
    business_hours: BusinessHours
    in_force_from: Day | None = None
    source: Source


class Rule(Document):
    """A conduct or management rule of the center."""

    rule_code: Code
    version: Annotated[int, Field(ge=1)]
    kind: Literal["conduct", "management"]
    title: LocalText
    text: LocalText
    in_force_from: Day | None = None
    source: Source
