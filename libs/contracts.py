"""Checks what is said against the speaker's own schema."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import fastjsonschema

from libs.flow import CONTRACTS


class ContractBroken(Exception):
    """A service was about to say something its own schema does not allow: a bug, not a refusal."""

    code = "contract_broken"


@cache
def _compiled(event_type: str) -> Callable[[Any], Any]:
    speaker, _, rest = event_type.partition(".")
    path = CONTRACTS / "events" / speaker / f"{rest}.schema.json"
    compiled: Callable[[Any], Any] = fastjsonschema.compile(json.loads(path.read_text(encoding="utf-8")))
    return compiled


def check(event_type: str, data: dict[str, Any]) -> None:
    """ContractBroken when ``data`` does not fit the schema of ``event_type``."""
    try:
        _compiled(event_type)(data)
    except fastjsonschema.JsonSchemaException as broken:
        raise ContractBroken(f"{event_type}: {broken}") from None
