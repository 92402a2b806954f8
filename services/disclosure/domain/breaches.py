"""Knows how a breach of publication law is named: a stable code, where it is, which clause, what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from services.disclosure.domain.documents import Tariff

LAWS: Mapping[str, str] = {
    "version_not_next": "AL 5(2): versions are counted without gaps, none is replaced",
    "retroactive": "AL 5(2): what was not published cannot have bound anyone",
    "in_force_before_previous": "AL 5(2): a version does not overtake the one before it",
    "basis_missing": "AL 4, 30: the basis is published",
    "basis_rank": "AL 14–17: a licence needs a law, an administrative or a local regulation",
    "disclosure_incomplete": "AL 30: conditions, procedure and the full list of materials are published",
    "life_event_unknown": "AL 6: people find an item by their own words",
    "code_repeated": "AL 30: every condition, material and field has one name",
    "catch_all": "Shanghai Business Environment Regulation 24: no catch-all conditions or materials",
    "field_serves_nothing": "AL 29: a form asks nothing unrelated",
    "field_serves_unknown": "AL 29: a form asks nothing unrelated",
    "field_shape": "AL 29–30: a form field has a usable range or list of choices",
    "condition_invalid": "AL 5(3): a condition on the facts must be decidable",
    "condition_on_optional_field": "AL 5(3): a condition on the facts must be decidable",
    "material_requirement": "AL 30: a material is required always, under a condition, or not",
    "checker_unknown": "AL 32: somebody named checks each material",
    "notice_over_cap": "AL 32(1)(4): the one-time notice comes within five working days",
    "check_over_notice": "AL 32(1)(4): the departments' check ends before the notice is due",
    "promised_over_statutory": "Business Environment Regulation 36: no promise longer than the statute",
    "statutory_over_cap": "AL 42: 20 working days; unified, joint or central handling 45",
    "extension_over_cap": "AL 42: extended once by 10 working days; unified, joint or central handling 15",
    "delivery_over_cap": "AL 44: issued and delivered within ten working days",
    "plan_over_promise": "AL 42: the reviews, one after another, fit into the promised limit",
    "plan_empty": "AL 26, 30: the procedure is published",
    "plan_lead": "AL 26(2): one lead department, which takes part",
    "plan_department_unknown": "AL 4, 22: a department the center knows",
    "plan_department_repeated": "AL 26: each department gives one opinion",
    "plan_after_unknown": "AL 26(2): a review waits for a review of the same plan",
    "plan_cycle": "AL 26(2): reviews must be able to end",
    "plan_condition_unknown": "AL 5(2): a department examines published conditions only",
    "plan_step_examines_nothing": "AL 5(2): a department examines published conditions only",
    "condition_unexamined": "AL 34: somebody examines each condition",
    "mode_mismatch": "AL 26: single handling is one department's, the other modes are several departments'",
    "permit_validity": "AL 39: the permit's period can be computed",
    "fee_tariff_unpublished": "AL 58–59: only a published tariff in force can be charged",
    "fee_basis_rank": "AL 58(1): only a law or administrative regulation can allow a charge",
    "fee_input_unknown": "AL 59: every input of the tariff comes from a field of the form",
    "fee_input_type": "AL 59: every input of the tariff comes from a field of the form",
    "payee_not_treasury": "AL 59: all charges go to the treasury",
    "tariff_period": "AL 59: a tariff is in force for a period",
    "tariff_tiers": "AL 59: every quantity has exactly one published rate",
    "tariff_rate": "AL 59: a rate is a decimal number of yuan, not negative",
    "tariff_input_unknown": "AL 59: a charge is computed from declared inputs only",
    "calendar_day_outside_year": "T-4: a calendar speaks of its own year",
    "calendar_day_repeated": "T-3: a day is off or a make-up working day, once",
    "calendar_make_up_on_weekday": "T-3: a make-up working day is a Saturday or Sunday",
    "calendar_hours": "T-5: business hours end after they begin",
}


@dataclass(frozen=True, slots=True)
class Breach:
    """One reason why a document may not be published."""

    code: str
    path: str
    what: str

    @property
    def law(self) -> str:
        """The clause behind it."""
        return LAWS[self.code]

    def to_dict(self) -> dict[str, str]:
        """As the problem document carries it."""
        return {"code": self.code, "path": self.path, "what": self.what, "law": self.law}


@dataclass(frozen=True, slots=True)
class Published:
    """What the linter must know of the world: what is published already, and the legal day."""

    today: date
    departments: frozenset[str] = frozenset()
    tariffs: Mapping[str, Tariff] = field(default_factory=dict)
    previous_version: int = 0
    previous_in_force_from: date | None = None


def version_breaches(
    version: int, in_force_from: date, published: Published, *, history: bool
) -> list[Breach]:
    """Versions follow one another. ``history``: a first version may name an earlier day, by law."""
    found = []
    if version != published.previous_version + 1:
        found.append(
            Breach("version_not_next", "version", f"{published.previous_version + 1} is the next version")
        )
    first_of_history = history and published.previous_version == 0
    if in_force_from < published.today and not first_of_history:
        found.append(Breach("retroactive", "in_force_from", f"{in_force_from} is before {published.today}"))
    before = published.previous_in_force_from
    if before is not None and in_force_from < before:
        found.append(
            Breach("in_force_before_previous", "in_force_from", f"{in_force_from} is before {before}")
        )
    return found
