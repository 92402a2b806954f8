"""Evaluates a published condition on a case's facts: supervision's own reading of the grammar."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any


class UnknownCondition(ValueError):
    """The condition is not of the published grammar."""


def is_met(condition: Mapping[str, Any] | None, facts: Mapping[str, Any]) -> bool:
    """Whether ``condition`` holds; no condition always does, a comparison with a missing fact never."""
    if condition is None:
        return True
    if "all" in condition:
        return all(is_met(each, facts) for each in condition["all"])
    if "any" in condition:
        return any(is_met(each, facts) for each in condition["any"])
    if "not" in condition:
        return not is_met(condition["not"], facts)
    if "field" not in condition or "op" not in condition or "value" not in condition:
        raise UnknownCondition(str(condition))
    fact = facts.get(condition["field"])
    return fact is not None and _compare(condition["op"], fact, condition["value"])


def _compare(op: str, fact: Any, value: Any) -> bool:
    if op == "in":
        return any(_order(fact, each) == 0 for each in value)
    order = _order(fact, value)
    if op == "eq":
        return order == 0
    if op == "ne":
        return order != 0
    if order is None:
        return False
    if op == "lt":
        return order < 0
    if op == "le":
        return order <= 0
    if op == "gt":
        return order > 0
    if op == "ge":
        return order >= 0
    raise UnknownCondition(op)


def _order(left: Any, right: Any) -> int | None:
    """-1, 0, 1; None when the two cannot be compared (a truth value with a number, say)."""
    if isinstance(left, bool) or isinstance(right, bool):
        return 0 if left is right else None
    a, b = number(left), number(right)
    if a is not None and b is not None:
        return (a > b) - (a < b)
    if isinstance(left, str) and isinstance(right, str):
        return (left > right) - (left < right)
    return None


def number(value: Any) -> Decimal | None:
    """The exact number that an integer or a decimal text stands for; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        return None
    try:
        found = Decimal(value)
    except InvalidOperation:
        return None
    return found if found.is_finite() else None
