"""Conditions of the catalogue on the facts of a case."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
}


def exact(value: Any) -> Fraction | None:
    """An integer or decimal text as an exact number."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        return Fraction(value) if isinstance(value, int) or "/" not in value else None
    except ValueError:
        return None


def holds(condition: Mapping[str, Any] | None, facts: Mapping[str, Any]) -> bool:
    """Whether a condition holds; none always does, one about a fact that is not there never."""
    match condition:
        case None:
            return True
        case {"all": parts}:
            return all(holds(part, facts) for part in parts)
        case {"any": parts}:
            return any(holds(part, facts) for part in parts)
        case {"not": part}:
            return not holds(part, facts)
        case {"field": field, "op": "in", "value": values}:
            return any(holds({"field": field, "op": "eq", "value": value}, facts) for value in values)
        case {"field": field, "op": op, "value": value}:
            return facts.get(field) is not None and _two(op, facts[field], value)
        case _:
            raise ValueError(f"not a condition: {condition}")


def _two(op: str, fact: Any, value: Any) -> bool:
    numbers = exact(fact), exact(value)
    if None not in numbers:
        return _COMPARE[op](*numbers)
    if type(fact) is not type(value) or (isinstance(fact, bool) and op not in ("eq", "ne")):
        return op == "ne"
    return _COMPARE[op](fact, value)
