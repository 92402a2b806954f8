"""What the window keeps of a published service item: everything it may ask, send out, wait for and hand
over."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from libs.conditions import UnknownField, holds

Condition = dict[str, Any] | None
Facts = dict[str, Any]


class Published(BaseModel):
    """Part of a publication: immutable, and indifferent to members this service does not use."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class LocalText(Published):
    """The same text in Chinese and English."""

    zh: str
    en: str


class Choice(Published):
    """One value a choice field may have."""

    code: str
    label: LocalText


class Field(Published):
    """One question of the form. ``serves`` names the condition, material or fee it is asked for (AL 29)."""

    code: str
    label: LocalText
    type: Literal["integer", "decimal", "text", "choice", "boolean", "date"]
    choices: tuple[Choice, ...] | None = None
    minimum: str | None = None
    maximum: str | None = None
    required: bool = True
    serves: tuple[str, ...] = ()


class MaterialAsked(Published):
    """One line of the full list of materials (AL 30)."""

    code: str
    name: LocalText
    required: bool
    required_when: Condition = None
    checked_by: str

    def is_needed(self, facts: Facts) -> bool | None:
        """Whether these facts make it necessary; None while a fact that decides it is missing."""
        if self.required:
            return True
        if self.required_when is None:
            return False
        try:
            return holds(self.required_when, facts)
        except UnknownField:
            return None


class PublishedCondition(Published):
    """One published condition of the permit, with its legal basis."""

    code: str
    text: LocalText
    basis: str


class Step(Published):
    """One department of the published review plan; ``limit_wd`` in working days."""

    department: str
    role: Literal["lead", "review"]
    limit_wd: int
    after: tuple[str, ...] = ()
    when: Condition = None
    conditions: tuple[str, ...] = ()

    def holds_for(self, facts: Facts) -> bool:
        """Whether this department must have a say; a missing fact counts as yes, so that nobody is left
        out."""
        try:
            return holds(self.when, facts)
        except UnknownField:
            return True


class Limits(Published):
    """The published limits, all in working days (AL 32(1)(4), 42, 44)."""

    notice_wd: int
    check_wd: int
    promised_wd: int
    statutory_wd: int
    extension_wd: int = 0
    delivery_wd: int


class CorrectionRule(Published):
    """How long the applicant has to answer the one-time notice, and what silence means (published, as AL
    is silent)."""

    respond_wd: int
    on_silence: Literal["declined"] = "declined"


class Fee(Published):
    """By which tariff and when the charge is due."""

    tariff_code: str
    timing: Literal["on_acceptance", "before_delivery"]
    inputs: dict[str, str] = {}


class PermitRule(Published):
    """What the permit is called and how long it is valid."""

    name: LocalText
    validity_days: int | None = None
    valid_until_field: str | None = None


class RemedyAddresses(Published):
    """To whom a person turns against a decision (AL 7)."""

    reconsideration_authority: LocalText
    court: LocalText
    compensation_agency: LocalText


class Item(Published):
    """A published service item in one version. A case keeps the version in force when it was received."""

    item_code: str
    version: int
    name: LocalText
    summary: LocalText
    mode: str
    lead: str
    conditions: tuple[PublishedCondition, ...] = ()
    materials: tuple[MaterialAsked, ...] = ()
    fields: tuple[Field, ...] = ()
    limits: Limits
    correction: CorrectionRule
    plan: tuple[Step, ...]
    decision: Literal["by_lead", "unanimous"]
    hearing: Literal["none", "required"] = "none"
    fee: Fee | None = None
    permit: PermitRule
    remedies: RemedyAddresses
    in_force_from: date

    def field(self, code: str) -> Field | None:
        """The field of that code, if the item asks it."""
        return next((field for field in self.fields if field.code == code), None)

    def material(self, code: str) -> MaterialAsked | None:
        """The material of that code, if the item asks for it."""
        return next((material for material in self.materials if material.code == code), None)

    def has_target(self, code: str) -> bool:
        """Whether a defect may name it: one of the item's own fields or materials, nothing else (AL 30,
        31)."""
        return self.field(code) is not None or self.material(code) is not None

    def told(self, facts: Facts) -> Facts:
        """What every hearer may know of the answers: all that a condition, a tariff or a term can read. Free
        text may name a person; only departments that must have a say get it (PIPL 6: no more than needed)."""
        words = {field.code for field in self.fields if field.type == "text"}
        return {code: value for code, value in facts.items() if code not in words}
