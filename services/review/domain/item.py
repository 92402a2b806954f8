"""What a department keeps of a published service item: its part of the plan, conditions, materials."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class _Published(BaseModel):
    """Part of a publication: never changed, and more may be published than is needed here."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class LocalText(_Published):
    """The same text in the two languages of the pages."""

    zh: str
    en: str


class Condition(_Published):
    """A condition of the permit and the article it rests on."""

    code: str
    text: LocalText
    basis: str


class MaterialRule(_Published):
    """A material the item asks for, and who looks at whether it is complete."""

    code: str
    name: LocalText
    checked_by: str


class Choice(_Published):
    """One of the answers a field allows."""

    code: str
    label: LocalText


class FieldRule(_Published):
    """A field of the form, and which conditions and materials it serves (AL 29: each has a purpose)."""

    code: str
    label: LocalText
    type: str
    choices: tuple[Choice, ...] | None = None
    serves: tuple[str, ...] = ()


class PlanStep(_Published):
    """One department's step of the review plan."""

    department: str
    role: Literal["lead", "review"]
    limit_wd: int
    conditions: tuple[str, ...]


class Item(_Published):
    """A version of a service item, as published."""

    item_code: str
    version: int
    name: LocalText
    mode: str
    lead: str
    basis: tuple[dict[str, Any], ...] = ()
    conditions: tuple[Condition, ...]
    materials: tuple[MaterialRule, ...]
    fields: tuple[FieldRule, ...]
    plan: tuple[PlanStep, ...]

    @property
    def item_version(self) -> str:
        """The version as it stands in a key."""
        return str(self.version)

    def condition(self, code: str) -> Condition | None:
        """The published condition ``code``, if there is one."""
        return next((each for each in self.conditions if each.code == code), None)

    def step(self, department: str) -> PlanStep | None:
        """The department's step of the plan; None when the plan has none for it."""
        return next((each for each in self.plan if each.department == department), None)

    def may_take_part(self, department: str) -> bool:
        """Whether the item gives this department anything to do (AL 4: no competence, no act)."""
        leads = department == self.lead
        return leads or self.step(department) is not None or bool(self.materials_of(department))

    def materials_of(self, department: str) -> tuple[MaterialRule, ...]:
        """The materials whose completeness this department checks."""
        return tuple(each for each in self.materials if each.checked_by == department)

    def fields_of(self, department: str) -> tuple[FieldRule, ...]:
        """The fields that serve this department's conditions or materials."""
        step = self.step(department)
        own = {*(step.conditions if step else ()), *(each.code for each in self.materials_of(department))}
        return tuple(each for each in self.fields if own & set(each.serves))

    def check_targets(self, department: str) -> dict[str, LocalText]:
        """What this department may find defective: its materials and the fields that serve it."""
        targets = {each.code: each.name for each in self.materials_of(department)}
        return {**targets, **{each.code: each.label for each in self.fields_of(department)}}
