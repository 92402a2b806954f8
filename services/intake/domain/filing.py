"""Receiving an application: what does not fit is refused, what is missing is received all the same and noted.

There is no refusal to take in (AL 32): an incomplete application gets its number at once; the window tells
once what is missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from services.intake.domain.items import Facts, Field, Item
from services.intake.domain.records import Defect, Material
from services.intake.domain.refusals import InvalidFacts, InvalidMaterials, ItemNotInForce

MOST_TEXT = 2_000  # characters of one answer
MOST_MATERIALS = 60  # files of one application
_DECIMAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")
_INTEGER = re.compile(r"-?[0-9]{1,15}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
ARTICLE = "AL 32(1)(4)"
Misfit = dict[str, Any]


def _misfit(at: str, kind: str, what: str, **more: Any) -> Misfit:
    return {"at": at, "kind": kind, "what": what, **more}


def check_in_force(item: Item, today: date, newest: Item) -> None:
    """Only the version in force today can be applied for; ItemNotInForce otherwise."""
    if item.in_force_from > today:
        raise ItemNotInForce(f"{item.item_code} version {item.version} is in force from {item.in_force_from}")
    if (newest.item_code, newest.version) != (item.item_code, item.version):
        raise ItemNotInForce(f"{item.item_code} version {newest.version} is in force today")


def fitting_facts(item: Item, given: Mapping[str, Any], *, at: str = "facts") -> Facts:
    """The answers, each of its published type and range; InvalidFacts lists every one that does not fit.

    An absent, null or empty answer is missing, not misfitting: it is left out.
    """
    facts: Facts = {}
    errors: list[Misfit] = []
    for code, value in given.items():
        field = item.field(code)
        if field is None:
            errors.append(
                _misfit(f"{at}.{code[:80]}", "extra_forbidden", "the published form does not ask this")
            )
            continue
        if value is None or value == "":
            continue
        problem = _FITS[field.type](field, value)
        if problem is None:
            facts[code] = value
        else:
            errors.append({"at": f"{at}.{code}", **problem})
    if errors:
        raise InvalidFacts(errors)
    return facts


def _whole(field: Field, value: Any) -> Misfit | None:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 10**15:
        return {"kind": "int_type", "what": "a whole number is needed"}
    return _in_range(field, Decimal(value))


def _decimal(field: Field, value: Any) -> Misfit | None:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _DECIMAL.fullmatch(text):
        return {"kind": "decimal_type", "what": "a number is needed, written like 12.5"}
    return _in_range(field, Decimal(text))


def _in_range(field: Field, value: Decimal) -> Misfit | None:
    if field.minimum is not None and value < Decimal(field.minimum):
        return {"kind": "greater_than_equal", "what": f"at least {field.minimum}", "ge": field.minimum}
    if field.maximum is not None and value > Decimal(field.maximum):
        return {"kind": "less_than_equal", "what": f"at most {field.maximum}", "le": field.maximum}
    return None


def _text(field: Field, value: Any) -> Misfit | None:
    if not isinstance(value, str):
        return {"kind": "string_type", "what": "text is needed"}
    if len(value) > MOST_TEXT:
        return {
            "kind": "string_too_long",
            "what": f"at most {MOST_TEXT} characters",
            "max_length": str(MOST_TEXT),
        }
    if _CONTROL.search(value):
        return {"kind": "string_type", "what": "the text holds characters that cannot be written"}
    return None


def _choice(field: Field, value: Any) -> Misfit | None:
    codes = [choice.code for choice in field.choices or ()]
    return (
        None
        if isinstance(value, str) and value in codes
        else {"kind": "literal_error", "what": "choose one of the list"}
    )


def _boolean(field: Field, value: Any) -> Misfit | None:
    return None if isinstance(value, bool) else {"kind": "bool_parsing", "what": "answer yes or no"}


def _date(field: Field, value: Any) -> Misfit | None:
    problem = {"kind": "date_parsing", "what": "a date is needed, written like 2026-10-21"}
    if not isinstance(value, str) or len(value) != 10:
        return problem
    try:
        date.fromisoformat(value)
    except ValueError:
        return problem
    return None


_FITS: dict[str, Callable[[Field, Any], Misfit | None]] = {
    "integer": _whole,
    "decimal": _decimal,
    "text": _text,
    "choice": _choice,
    "boolean": _boolean,
    "date": _date,
}


def typed_answer(field: Field, text: str) -> Any:
    """What a form field sends as text, as the value its type wants; text that fits no type stays text."""
    text = text.strip()
    if field.type == "integer" and _INTEGER.fullmatch(text):
        return int(text)
    if field.type == "boolean" and text in ("yes", "no"):
        return text == "yes"
    return text


def fitting_materials(
    item: Item, given: Sequence[Material], *, at: str = "materials"
) -> tuple[Material, ...]:
    """The materials, each on the item's list and attached once; InvalidMaterials lists every one that is
    not."""
    errors: list[Misfit] = []
    seen: set[tuple[str, str]] = set()
    for index, material in enumerate(given):
        if item.material(material.code) is None:
            errors.append(
                _misfit(f"{at}.{index}.code", "unknown_material", "the published list does not ask for this")
            )
        elif (material.code, material.sha256) in seen:
            errors.append(_misfit(f"{at}.{index}", "attached_twice", "the same file is attached twice"))
        seen.add((material.code, material.sha256))
    if len(given) > MOST_MATERIALS:
        errors.append(_misfit(at, "too_many", f"at most {MOST_MATERIALS} files"))
    if errors:
        raise InvalidMaterials(errors)
    return tuple(given)


def missing(item: Item, facts: Facts, materials: Sequence[Material]) -> tuple[Defect, ...]:
    """What the published item requires and the application does not hold, as defects for the window's
    notice."""
    attached = {material.code for material in materials}
    lacks: list[tuple[str, str]] = [
        (field.code, f"{field.label.zh} · {field.label.en}")
        for field in item.fields
        if field.required and field.code not in facts
    ]
    for asked in item.materials:
        needed = asked.is_needed(facts)
        if asked.code in attached or needed is False:
            continue
        name = f"{asked.name.zh} · {asked.name.en}"
        lacks.append(
            (asked.code, name if needed else f"{name}（视填报内容而定 · if your answers make it necessary）")
        )
    return tuple(
        Defect(no=number, target=target, what=what, article=ARTICLE, found_by="intake")
        for number, (target, what) in enumerate(lacks, start=1)
    )
