"""The access matrix: contracts/access.yaml names every route of every service and who may use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import yaml

from libs.identity.person import ROLES, Person

MATRIX = Path(__file__).resolve().parents[2] / "contracts" / "access.yaml"
PUBLIC = "public"


class Verdict(Enum):
    """What the matrix says about a person and a route."""

    ALLOWED = "allowed"
    NEEDS_PERSON = "needs_person"
    WRONG_FUNCTION = "wrong_function"
    UNKNOWN = "unknown"


class BadMatrix(Exception):
    """The matrix names something that does not exist."""


@dataclass(frozen=True, slots=True)
class Line:
    """One route's line: who may use it, whose objects they may see, and why."""

    roles: frozenset[str]
    objects: str | None
    note: str | None


class Access:
    """One service's part of the matrix; what it does not name is denied."""

    def __init__(self, lines: Mapping[tuple[str, str], Line]) -> None:
        self._lines = dict(lines)

    @classmethod
    def load(cls, service: str, path: Path = MATRIX) -> Access:
        """The matrix of ``service``: its own routes and those that every service has."""
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        known: list[str] = document["objects"]
        routes = {**document["every_service"], **document["services"][service]}
        return cls({_route(text): _line(text, line, known) for text, line in routes.items()})

    def allowed(self, method: str, template: str, person: Person | None) -> Verdict:
        """Whether ``person`` (None: the public) may use the route with this path template."""
        line = self._lines.get(("GET" if method == "HEAD" else method, template))
        if line is None:
            return Verdict.UNKNOWN
        if PUBLIC in line.roles:
            return Verdict.ALLOWED
        if person is None:
            return Verdict.NEEDS_PERSON
        return Verdict.ALLOWED if line.roles & person.roles else Verdict.WRONG_FUNCTION

    def line(self, method: str, template: str) -> Line | None:
        """The line of a route."""
        return self._lines.get((method, template))

    def routes(self) -> set[tuple[str, str]]:
        """Every (method, path template) that the matrix names."""
        return set(self._lines)


def _route(text: str) -> tuple[str, str]:
    method, _, template = text.partition(" ")
    if method not in ("GET", "POST", "PUT", "DELETE") or not template.startswith("/"):
        raise BadMatrix(f"{text!r} is no route")
    return method, template


def _line(text: str, line: Mapping[str, Any], objects: list[str]) -> Line:
    roles = frozenset(line["roles"])
    if not roles or roles - ROLES - {PUBLIC}:
        raise BadMatrix(f"{text}: unknown or no roles: {sorted(roles)}")
    rule = line.get("objects")
    if rule is not None and rule not in objects:
        raise BadMatrix(f"{text}: unknown object rule {rule!r}")
    return Line(roles, rule, line.get("note"))
