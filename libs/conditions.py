"""Whether a published condition holds for the facts of a case: small boolean expressions kept as data.

``null`` always holds; ``{"field", "op", "value"}`` compares one fact; ``all``, ``any`` and ``not`` combine.
The same text in the catalogue, the same answer everywhere: nothing here knows the time or the case.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge", "in")
_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")
MOST_NESTING = 20  # deeper than any sensible condition; keeps a hostile one from exhausting the stack


class BadCondition(Exception):
    """The condition itself is wrong: an unknown operator, shape or type. A fault of the catalogue."""

    code = "bad_condition"


class UnknownField(BadCondition):
    """The condition asks for a fact the case does not have."""

    code = "unknown_field"


def holds(condition: Mapping[str, Any] | None, facts: Mapping[str, Any]) -> bool:
    """Whether ``condition`` holds for ``facts``.

    Numbers compare as Decimal, whether they are written as int or as decimal text; dates and choices
    compare as text (ISO dates order rightly); a missing fact is UnknownField, a wrong shape BadCondition.
    """
    return _holds(condition, facts, 0)


def fields_of(condition: Mapping[str, Any] | None) -> set[str]:
    """The field codes a condition asks for; BadCondition when it is malformed."""
    if condition is None:
        return set()
    kind = _kind(condition)
    if kind == "field":
        return {str(condition["field"])}
    parts = [condition["not"]] if kind == "not" else condition[kind]
    return {field for part in parts for field in fields_of(part)}


def _holds(condition: Mapping[str, Any] | None, facts: Mapping[str, Any], depth: int) -> bool:
    if condition is None:
        return True
    if depth > MOST_NESTING:
        raise BadCondition(f"nested deeper than {MOST_NESTING}")
    kind = _kind(condition)
    if kind == "not":
        return not _holds(condition["not"], facts, depth + 1)
    if kind in ("all", "any"):
        parts = [_holds(part, facts, depth + 1) for part in condition[kind]]  # all of them: errors never hide
        return all(parts) if kind == "all" else any(parts)
    field, op, wanted = condition["field"], condition["op"], condition["value"]
    if field not in facts or facts[field] is None:
        raise UnknownField(f"the facts do not say {field!r}")
    return _compare(field, facts[field], op, wanted)


def _kind(condition: Any) -> str:
    if not isinstance(condition, Mapping):
        raise BadCondition(f"a condition is an object, not {type(condition).__name__}")
    keys = set(condition)
    if keys == {"field", "op", "value"}:
        if condition["op"] not in COMPARISONS:
            raise BadCondition(f"unknown op {condition['op']!r}")
        return "field"
    if keys == {"not"}:
        return "not"
    if keys in ({"all"}, {"any"}):
        kind = str(next(iter(keys)))
        if not isinstance(condition[kind], (list, tuple)):
            raise BadCondition(f"{kind} takes a list")
        return kind
    raise BadCondition(f"unknown shape: {', '.join(sorted(map(str, keys))) or 'empty'}")


def _compare(field: str, found: Any, op: str, wanted: Any) -> bool:
    if op == "in":
        if not isinstance(wanted, (list, tuple)):
            raise BadCondition(f"{field}: in takes a list")
        return any(_compare(field, found, "eq", each) for each in wanted)
    left, right = _comparable(field, found, wanted, ordered=op not in ("eq", "ne"))
    if op in ("eq", "ne"):
        return bool(left == right) is (op == "eq")
    return bool({"lt": left < right, "le": left <= right, "gt": left > right, "ge": left >= right}[op])


def _comparable(field: str, found: Any, wanted: Any, *, ordered: bool) -> tuple[Any, Any]:
    """Both sides in one type: both boolean, both Decimal, or both text."""
    if isinstance(found, bool) or isinstance(wanted, bool):
        if isinstance(found, bool) and isinstance(wanted, bool) and not ordered:
            return found, wanted
        raise BadCondition(f"{field}: cannot compare {found!r} with {wanted!r}")
    for side in (found, wanted):
        if isinstance(side, float) or not isinstance(side, (int, str, Decimal)):
            raise BadCondition(
                f"{field}: a value is a whole number, text or yes/no, not {type(side).__name__}"
            )
    left, right = _number(found), _number(wanted)
    if left is not None and right is not None:
        return left, right
    mixed = (left is None) != (right is None)
    if isinstance(found, str) and isinstance(wanted, str) and not (mixed and ordered):
        return found, wanted
    raise BadCondition(f"{field}: cannot compare {found!r} with {wanted!r}")


def _number(value: Any) -> Decimal | None:
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        return None
    number = Decimal(value)
    return number if number.is_finite() else None
