"""Says a published condition in words, so that the guide tells when a department or a material comes in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from libs.pages import mark
from libs.pages.formats import local

Say = Callable[..., str]

_COMPARED = {
    "eq": mark("{label}为{value}"),
    "ne": mark("{label}不是{value}"),
    "lt": mark("{label}小于 {value}"),
    "le": mark("{label}不超过 {value}"),
    "gt": mark("{label}超过 {value}"),
    "ge": mark("{label}达到 {value}"),
    "in": mark("{label}为{value}"),
}
_AND, _OR, _NOT = mark("，并且"), mark("，或者"), mark("不是：{what}")


def in_words(
    condition: Mapping[str, Any] | None, fields: Sequence[Mapping[str, Any]], language: str, say: Say
) -> str:
    """The condition over ``fields`` (of an item or a tariff) as a phrase; "" for one that always holds."""
    if condition is None:
        return ""
    known = {field["code"]: field for field in fields}
    return _phrase(condition, known, language, say)


def values_in_words(
    condition: Mapping[str, Any] | None, fields: Sequence[Mapping[str, Any]], language: str, say: Say
) -> str:
    """Like in_words, but a plain combination of choices gives the choices only: "一类 · 经营性"."""
    parts = condition.get("all", [condition]) if condition else []
    if not parts or not all(part.get("op") == "eq" and isinstance(part["value"], str) for part in parts):
        return in_words(condition, fields, language, say)
    known = {field["code"]: field for field in fields}
    return " · ".join(_value(known.get(part["field"], {}), part["value"], language) for part in parts)


def _phrase(
    condition: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]], language: str, say: Say
) -> str:
    for name, between in (("all", _AND), ("any", _OR)):
        if name in condition:
            parts = [_phrase(part, known, language, say) for part in condition[name]]
            return say(between).join(parts)
    if "not" in condition:
        return say(_NOT, what=_phrase(condition["not"], known, language, say))
    code, op, value = condition["field"], condition["op"], condition["value"]
    field = known.get(code, {})
    label = local(language, field.get("label")) or code
    if isinstance(value, bool):
        positive = value is (op == "eq")
        return label if positive else say(_NOT, what=label)
    return say(_COMPARED[op], label=label, value=_value(field, value, language))


def _value(field: Mapping[str, Any], value: Any, language: str) -> str:
    if isinstance(value, list):
        return " / ".join(_value(field, each, language) for each in value)
    choices = {choice["code"]: choice["label"] for choice in field.get("choices") or ()}
    return local(language, choices.get(str(value))) or str(value)
