"""Knows the law that a service item must satisfy to be published: every breach, not only the first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal

from services.disclosure.domain.breaches import Breach, Published, version_breaches
from services.disclosure.domain.documents import FormField, LocalText, ServiceItem, Tariff
from services.disclosure.domain.facts_conditions import fields_named, undecidable
from services.disclosure.domain.plan_law import plan_breaches
from services.disclosure.domain.tariff_law import fee_basis_breaches

NOTICE_CAP_WD = 5  # AL 32(1)(4)
DELIVERY_CAP_WD = 10  # AL 44
STATUTORY_CAP_WD = {"single": 20, "unified": 45, "joint": 45, "central": 45}  # AL 42
EXTENSION_CAP_WD = {"single": 10, "unified": 15, "joint": 15, "central": 15}  # AL 42
LICENCE_RANKS = frozenset({"law", "admin_regulation", "local_regulation"})  # AL 14, 15, 17
SPECIAL_LIMIT_RANKS = LICENCE_RANKS  # AL 42(1): "laws and regulations"

# What people look for, in their own words; an item is found under these.
LIFE_EVENTS: Mapping[str, LocalText] = {
    "open-business": LocalText(zh="开店办企业", en="Opening a business"),
    "building": LocalText(zh="盖房施工", en="Building"),
    "street-works": LocalText(zh="占道挖路", en="Works in the street"),
    "hold-event": LocalText(zh="办活动", en="Holding an event"),
}
# Shanghai 24, Anyang 13: "其他", "有关" and the like let an agency ask for anything.
CATCH_ALL = re.compile(
    r"其他|其它|有关|相关|等材料|等条件|"
    r"\b(?:other|others|relevant|etc\.?|and so on|as (?:required|necessary)|further documents)\b",
    re.IGNORECASE,
)


def item_breaches(item: ServiceItem, in_force_from: date, published: Published) -> list[Breach]:
    """Everything that forbids publishing ``item`` from ``in_force_from``; empty when it may be published."""
    return [
        *version_breaches(item.version, in_force_from, published, history=False),
        *_basis(item),
        *_completeness(item),
        *_codes(item),
        *_catch_alls(item),
        *_fields(item),
        *_materials(item),
        *_limits(item),
        *plan_breaches(item, published.departments),
        *_permit(item),
        *_fee(item, in_force_from, published.tariffs),
    ]


def _basis(item: ServiceItem) -> Iterator[Breach]:
    if not item.basis:
        yield Breach("basis_missing", "basis", "no basis is named")
    elif not any(basis.rank in LICENCE_RANKS for basis in item.basis):
        yield Breach("basis_rank", "basis", "rules alone cannot create a licence")


def _completeness(item: ServiceItem) -> Iterator[Breach]:
    for part in ("conditions", "materials", "fields"):
        if not getattr(item, part):
            yield Breach("disclosure_incomplete", part, f"no {part} are named")
    if not item.life_events:
        yield Breach("disclosure_incomplete", "life_events", "nobody would find this item")
    for place, code in enumerate(item.life_events):
        if code not in LIFE_EVENTS:
            yield Breach("life_event_unknown", f"life_events.{place}", code)


def _codes(item: ServiceItem) -> Iterator[Breach]:
    for part in ("conditions", "materials", "fields"):
        counted = Counter(entry.code for entry in getattr(item, part))
        for code in (code for code, times in counted.items() if times > 1):
            yield Breach("code_repeated", part, code)


def _catch_alls(item: ServiceItem) -> Iterator[Breach]:
    texts = [(f"conditions.{at}.text", entry.text) for at, entry in enumerate(item.conditions)]
    texts += [(f"materials.{at}.name", entry.name) for at, entry in enumerate(item.materials)]
    for path, text in texts:
        for found in [*CATCH_ALL.findall(text.zh), *CATCH_ALL.findall(text.en)]:
            yield Breach("catch_all", path, f"“{found}” could mean anything")


def _fields(item: ServiceItem) -> Iterator[Breach]:
    known = {entry.code for entry in item.conditions} | {entry.code for entry in item.materials}
    if item.fee is not None:
        known.add(item.fee.tariff_code)
    for at, field in enumerate(item.fields):
        if not field.serves:
            yield Breach("field_serves_nothing", f"fields.{at}.serves", field.code)
        for code in field.serves:
            if code not in known:
                yield Breach(
                    "field_serves_unknown", f"fields.{at}.serves", f"{code} is not published with this item"
                )
        if reason := _unusable(field):
            yield Breach("field_shape", f"fields.{at}", reason)


def _unusable(field: FormField) -> str | None:
    if (field.type == "choice") != bool(field.choices):
        return f"{field.code}: a choice has choices, nothing else has"
    if field.choices and len({choice.code for choice in field.choices}) != len(field.choices):
        return f"{field.code}: a choice is offered twice"
    if field.type not in ("integer", "decimal") and (field.minimum or field.maximum):
        return f"{field.code}: only numbers have a range"
    if field.minimum and field.maximum and Decimal(field.minimum) > Decimal(field.maximum):
        return f"{field.code}: the range is empty"
    return None


def condition_breaches(
    item: ServiceItem, conds: Iterable[tuple[str, dict[str, object] | None]]
) -> Iterator[Breach]:
    """Conditions on the facts must be decidable on every complete form."""
    fields = {field.code: field for field in item.fields}
    for path, cond in conds:
        for reason in undecidable(cond, fields):
            yield Breach("condition_invalid", path, reason)
        for code in sorted(fields_named(cond) & set(fields)):
            if not fields[code].required:
                yield Breach("condition_on_optional_field", path, f"{code} may be left empty")


def _materials(item: ServiceItem) -> Iterator[Breach]:
    checkers = {step.department for step in item.plan} | {"intake"}
    for at, material in enumerate(item.materials):
        if material.required and material.required_when is not None:
            yield Breach(
                "material_requirement", f"materials.{at}", f"{material.code}: always, or under a condition?"
            )
        if material.checked_by not in checkers:
            yield Breach(
                "checker_unknown", f"materials.{at}.checked_by", f"{material.checked_by} is not in the plan"
            )
    yield from condition_breaches(
        item,
        ((f"materials.{at}.required_when", entry.required_when) for at, entry in enumerate(item.materials)),
    )
    yield from condition_breaches(item, ((f"plan.{at}.when", step.when) for at, step in enumerate(item.plan)))


def _limits(item: ServiceItem) -> Iterator[Breach]:
    limits = item.limits
    special = item.mode == "single" and any(
        basis.sets_limit and basis.rank in SPECIAL_LIMIT_RANKS for basis in item.basis
    )
    caps = [
        ("notice_over_cap", "notice_wd", limits.notice_wd, NOTICE_CAP_WD),
        ("check_over_notice", "check_wd", limits.check_wd, limits.notice_wd),
        ("promised_over_statutory", "promised_wd", limits.promised_wd, limits.statutory_wd),
        ("delivery_over_cap", "delivery_wd", limits.delivery_wd, DELIVERY_CAP_WD),
    ]
    if not special:  # AL 42(1) lets a special law say otherwise; AL 42(2) does not
        caps += [
            ("statutory_over_cap", "statutory_wd", limits.statutory_wd, STATUTORY_CAP_WD[item.mode]),
            ("extension_over_cap", "extension_wd", limits.extension_wd, EXTENSION_CAP_WD[item.mode]),
        ]
    for code, name, given, cap in caps:
        if given > cap:
            yield Breach(code, f"limits.{name}", f"{given} is more than {cap}")


def _permit(item: ServiceItem) -> Iterator[Breach]:
    until = item.permit.valid_until_field
    if until is None:
        return
    if item.permit.validity_days is not None:
        yield Breach("permit_validity", "permit", "days or a field, not both")
    field = next((field for field in item.fields if field.code == until), None)
    if field is None or field.type != "date" or not field.required:
        yield Breach(
            "permit_validity", "permit.valid_until_field", f"{until} is no required date of the form"
        )


def _fee(item: ServiceItem, in_force_from: date, tariffs: Mapping[str, Tariff]) -> Iterator[Breach]:
    if item.fee is None:
        return
    tariff = tariffs.get(item.fee.tariff_code)
    if tariff is None or not _is_in_force(tariff, in_force_from):
        yield Breach("fee_tariff_unpublished", "fee.tariff_code", f"{item.fee.tariff_code} is not in force")
        return
    yield from fee_basis_breaches(tariff, "fee.tariff_code")
    wanted, given = {entry.code for entry in tariff.inputs}, set(item.fee.inputs)
    for code in sorted(wanted ^ given):
        what = "is not fed" if code in wanted else "is no input of the tariff"
        yield Breach("fee_input_unknown", f"fee.inputs.{code}", f"{code} {what}")
    fields = {field.code: field for field in item.fields}
    for entry in tariff.inputs:
        if entry.code in given:
            field = fields.get(item.fee.inputs[entry.code])
            if field is None or not field.required:
                yield Breach(
                    "fee_input_unknown", f"fee.inputs.{entry.code}", "no required field of the form feeds it"
                )
            elif not _feeds(field, entry.type, {choice.code for choice in entry.choices or ()}):
                yield Breach("fee_input_type", f"fee.inputs.{entry.code}", f"a {field.type} cannot feed it")


def _feeds(field: FormField, wanted: str, choices: set[str]) -> bool:
    if wanted == "choice":
        return field.type == "choice" and {choice.code for choice in field.choices or ()} <= choices
    return field.type == wanted or (wanted == "decimal" and field.type == "integer")


def _is_in_force(tariff: Tariff, day: date) -> bool:
    begun = tariff.in_force_from is not None and tariff.in_force_from <= day
    return begun and (tariff.in_force_until is None or day <= tariff.in_force_until)
