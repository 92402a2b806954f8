"""Knows which conditions on the facts of a form can be decided, before anyone files such a form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from services.disclosure.domain.documents import FormField, TariffInput

ORDER = frozenset({"lt", "le", "gt", "ge"})
EQUALITY = frozenset({"eq", "ne", "in"})
ORDERED_TYPES = frozenset({"integer", "decimal", "date"})
DEEPEST = 8
Asked = FormField | TariffInput


def undecidable(cond: dict[str, Any] | None, fields: Mapping[str, Asked], depth: int = 0) -> Iterator[str]:
    """What is wrong with a condition; nothing when every complete form decides it."""
    if cond is None:
        return
    if depth > DEEPEST:
        yield "it is nested too deeply"
    elif set(cond) == {"not"} and isinstance(cond["not"], dict):
        yield from undecidable(cond["not"], fields, depth + 1)
    elif len(cond) == 1 and (parts := cond.get("all", cond.get("any"))) is not None:
        yield from _parts(parts, fields, depth)
    elif set(cond) == {"field", "op", "value"}:
        yield from _comparison(cond, fields)
    else:
        yield f"{sorted(cond)} is no condition"


def _parts(parts: Any, fields: Mapping[str, Asked], depth: int) -> Iterator[str]:
    if not isinstance(parts, list) or not parts or not all(isinstance(part, dict) for part in parts):
        yield "all and any hold a list of conditions"
        return
    for part in parts:
        yield from undecidable(part, fields, depth + 1)


def _comparison(cond: dict[str, Any], fields: Mapping[str, Asked]) -> Iterator[str]:
    asked = fields.get(str(cond["field"]))
    op = cond["op"]
    if asked is None:
        yield f"{cond['field']} is no field"
        return
    if op not in ORDER | EQUALITY:
        yield f"{op} is no comparison"
        return
    if asked.type == "text":
        yield f"{asked.code} is free text, which goes to the departments only and decides nothing"
        return
    if op in ORDER and asked.type not in ORDERED_TYPES:
        yield f"{asked.code} has no order"
        return
    values = cond["value"] if op == "in" else [cond["value"]]
    if not isinstance(values, list) or not values:
        yield "in wants a list of values"
        return
    for value in values:
        if not _fits(value, asked):
            yield f"{value!r} is no value of {asked.code}"


def _fits(value: Any, asked: Asked) -> bool:
    if asked.type in ("boolean", "integer"):
        return type(value) is (bool if asked.type == "boolean" else int)
    if not isinstance(value, str):
        return False
    if asked.type == "choice":
        return value in {choice.code for choice in asked.choices or ()}
    readable = {"date": _is_day, "decimal": _is_decimal}.get(asked.type)
    return readable is None or readable(value)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_decimal(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def fields_named(cond: Any) -> set[str]:
    """The fields a condition looks at."""
    if isinstance(cond, list):
        return set().union(*map(fields_named, cond))
    if not isinstance(cond, dict):
        return set()
    own = {str(cond["field"])} if "field" in cond else set()
    return own.union(*(fields_named(part) for key, part in cond.items() if key in ("all", "any", "not")))
