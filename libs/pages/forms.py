"""Knows how a refused form comes back: what was typed stays, errors stand at their fields and on top."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from libs.pages.words import mark
from libs.refusals import Refusal

# What pydantic finds, in our words; {ge} and the like come from the error's context.
_KINDS = {
    "missing": mark("请填写这一项"),
    "string_too_short": mark("请填写这一项"),
    "string_too_long": mark("最多 {max_length} 个字"),
    "int_parsing": mark("请填写整数"),
    "int_type": mark("请填写整数"),
    "int_from_float": mark("请填写整数"),
    "decimal_parsing": mark("请填写数字，例如 12.5"),
    "decimal_type": mark("请填写数字，例如 12.5"),
    "date_parsing": mark("请填写日期，例如 2026-01-05"),
    "date_from_datetime_parsing": mark("请填写日期，例如 2026-01-05"),
    "bool_parsing": mark("请选择是或者否"),
    "greater_than_equal": mark("不能小于 {ge}"),
    "greater_than": mark("要大于 {gt}"),
    "less_than_equal": mark("不能大于 {le}"),
    "less_than": mark("要小于 {lt}"),
    "literal_error": mark("请从列出的选项中选择"),
    "enum": mark("请从列出的选项中选择"),
    "extra_forbidden": mark("这一项不在表里"),
}
_OTHER = mark("请检查这一项")


@dataclass(frozen=True)
class FieldError:
    """One error: the field ("" for the whole form), the text (a key of the words) and its values."""

    field: str
    text: str
    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class Form:
    """A form as it is shown: the values typed so far and the errors found. ``Form()`` is an empty one."""

    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    errors: tuple[FieldError, ...] = ()
    problem: Mapping[str, Any] | None = None

    @classmethod
    def kept(cls, values: Mapping[str, Any], reason: Exception) -> Form:
        """The form after ``reason`` (Refusal or ValidationError) stopped it, everything typed still there."""
        problem = reason.problem() if isinstance(reason, Refusal) else None
        return cls(dict(values), tuple(form_errors(reason)), problem)

    def value(self, name: str, default: Any = "") -> Any:
        """What was typed into the field."""
        return self.values.get(name, default)

    def error(self, name: str) -> FieldError | None:
        """The field's first error."""
        return next((each for each in self.errors if each.field == name), None)


def form_errors(reason: Exception) -> list[FieldError]:
    """The errors a person can mend: pydantic's, or a Refusal's ``errors`` [{"at": field, "what": text}].

    A Refusal that names no field gives no field error: its own words come from problems.yaml by its code.
    """
    if isinstance(reason, ValidationError | RequestValidationError):
        return [_from_pydantic(error) for error in reason.errors()]
    if isinstance(reason, Refusal):
        named: Iterable[Any] = reason.extra.get("errors") or ()
        return [_named(each) for each in named]
    raise reason


def _from_pydantic(error: Mapping[str, Any]) -> FieldError:
    name = ".".join(str(part) for part in error["loc"] if part != "body")
    values = {key: str(value) for key, value in (error.get("ctx") or {}).items()}
    return FieldError(name, _KINDS.get(error["type"], _OTHER), values)


def _named(each: Mapping[str, Any]) -> FieldError:
    """An entry of a Refusal: a known kind gives our words, else its own text is shown as it is."""
    kind = _KINDS.get(str(each.get("kind", "")))
    values = {key: str(value) for key, value in each.items() if key not in ("at", "what", "kind")}
    if kind and not kind.count("{"):
        return FieldError(str(each.get("at", "")), kind, values)
    return FieldError(str(each.get("at", "")), "{what}", {"what": str(each.get("what", ""))})
