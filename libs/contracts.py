"""Knows the events' contracts: checks what is said against its speaker's schema; finds schemas and examples."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import fastjsonschema

from libs.flow import CONTRACTS

ALWAYS_FIRST = 100  # of what one model says under one name
THEN_EVERY = 50
_SAID: Counter[tuple[str, type]] = Counter()


class ContractBroken(Exception):
    """A service was about to say something its own schema does not allow: a bug, not a refusal."""

    code = "contract_broken"


def schema_path(event_type: str, root: Path = CONTRACTS / "events") -> Path:
    """Where the schema of an event's data is kept: ``events/<speaker>/<noun>_<participle>.v1.schema.json``."""
    speaker, _, rest = event_type.partition(".")
    return root / speaker / f"{rest}.schema.json"


def schema(event_type: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of an event's data; FileNotFoundError when there is none."""
    content: dict[str, Any] = json.loads(schema_path(event_type).read_text(encoding="utf-8"))
    return content


def examples(event_type: str, root: Path = CONTRACTS / "examples") -> dict[str, dict[str, Any]]:
    """The example CloudEvents of an event by file name: ``<event>.json`` and ``<event>.<situation>.json``."""
    folder = root / event_type.partition(".")[0]
    return {
        path.name: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob(f"{event_type}*.json"))
        if path.name.removeprefix(event_type).startswith(".")
    }


@cache
def _compiled(event_type: str) -> Callable[[Any], Any]:
    compiled: Callable[[Any], Any] = fastjsonschema.compile(schema(event_type))
    return compiled


def check_said(event_type: str, model: type, data: dict[str, Any]) -> None:
    """Like check, for what a message class has validated already: its first sayings, then every fiftieth.

    The schema is made from that very class (the tests compare the two), so a difference would show at once.
    """
    _SAID[(event_type, model)] += 1
    number = _SAID[(event_type, model)]
    if number <= ALWAYS_FIRST or number % THEN_EVERY == 0:
        check(event_type, data)


def check(event_type: str, data: dict[str, Any]) -> None:
    """ContractBroken when ``data`` does not fit the schema of ``event_type``; costs tens of µs."""
    try:
        _compiled(event_type)(data)
    except fastjsonschema.JsonSchemaException as broken:
        raise ContractBroken(f"{event_type}: {broken}") from None
