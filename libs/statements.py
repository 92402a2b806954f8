"""Statements as values, and several of them as one: what costs a lone message most is every trip to the database.

Parts of one statement see the same snapshot and not each other's rows, so a row may be touched by one part only.
Constraints and triggers are checked at its end; it holds as a whole or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

_PARAMETER = re.compile(r"\$(\d+)")


class Statement(NamedTuple):
    """SQL with the values of its parameters $1, $2 …; ``name`` is what other parts may call its rows."""

    sql: str
    values: tuple[Any, ...] = ()
    name: str = ""


class Reading(NamedTuple):
    """A query whose columns, ``width`` of them, are all text."""

    sql: str
    values: tuple[Any, ...]
    width: int


def together(parts: Sequence[Statement], giving: str = "") -> Statement:
    """Writes as one statement; ``giving`` is the SELECT over named parts whose rows it returns, if any."""
    if len(parts) == 1 and not giving:
        return parts[0]
    sql = _together(tuple((part.sql, part.name, len(part.values)) for part in parts), giving)
    return Statement(sql, tuple(value for part in parts for value in part.values))


@lru_cache(maxsize=2048)
def _together(parts: tuple[tuple[str, str, int], ...], giving: str) -> str:
    shifted = []
    before = 0
    for i, (sql, name, count) in enumerate(parts):
        shifted.append((name or f"part_{i}", _shifted(sql, before)))
        before += count
    last = giving or shifted.pop()[1]
    return f"WITH {', '.join(f'{name} AS ({sql})' for name, sql in shifted)} {last}"


def side_by_side(readings: Sequence[Reading]) -> Statement:
    """Queries as one: rows of (which query, its columns, and nulls up to the widest), queries in the order given."""
    sql = _side_by_side(tuple((each.sql, each.width, len(each.values)) for each in readings))
    return Statement(sql, tuple(value for each in readings for value in each.values))


@lru_cache(maxsize=2048)
def _side_by_side(readings: tuple[tuple[str, int, int], ...]) -> str:
    widest = max(width for _, width, _ in readings)
    named, picked = [], []
    before = 0
    for i, (sql, width, count) in enumerate(readings):
        columns = [f"c{n}" for n in range(width)]
        named.append(f"part_{i}({', '.join(columns)}) AS ({_shifted(sql, before)})")
        padded = [*columns, *["NULL::text"] * (widest - width)]
        picked.append(f"SELECT {i}, {', '.join(padded)} FROM part_{i}")
        before += count
    return f"WITH {', '.join(named)} {' UNION ALL '.join(picked)}"


def _shifted(sql: str, by: int) -> str:
    return _PARAMETER.sub(lambda found: f"${int(found[1]) + by}", sql) if by else sql
