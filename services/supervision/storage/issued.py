"""Queries about what supervision issued: cards and findings, newest first."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from services.supervision.storage.paging import Page, count, read_page
from services.supervision.storage.tables import CARDS, FINDINGS


class CardSearch(Page, frozen=True):
    """Cards by who got them, colour, kind of clock, item or case."""

    agency: str | None = None
    colour: str | None = None
    clock_kind: str | None = None
    item_code: str | None = None
    case_id: str | None = None


class CardRow(BaseModel, frozen=True):
    """One card; ``crossed_at`` is the business instant of the crossing, ``issued_at`` when it was noticed."""

    card_no: str
    case_id: str
    application_no: str
    item_code: str
    clock_id: str
    clock_kind: str
    agency: str
    colour: str
    crossed_at: datetime
    due_on: date
    used_wd: int
    limit_wd: int
    rule: str
    issued_at: datetime


class FindingSearch(Page, frozen=True):
    """Findings by rule or case."""

    rule: str | None = None
    case_id: str | None = None


class FindingRow(BaseModel, frozen=True):
    """One finding: the rule, what was expected, what was found, and in which event."""

    finding_no: str
    case_id: str
    application_no: str | None
    item_code: str | None
    rule: str
    expected: str
    found: str
    about_source: str
    about_id: str
    about_type: str
    issued_at: datetime


def _narrowed(table: sa.Table, search: Page, names: tuple[str, ...]) -> sa.Select[Any]:
    select = sa.select(table)
    for name in names:
        wanted = getattr(search, name)
        if wanted:
            select = select.where(table.c[name] == wanted)
    return select.order_by(table.c.issued_at.desc(), *table.primary_key.columns)


def _cards(search: CardSearch) -> sa.Select[Any]:
    return _narrowed(CARDS, search, ("agency", "colour", "clock_kind", "item_code", "case_id"))


def _findings(search: FindingSearch) -> sa.Select[Any]:
    return _narrowed(FINDINGS, search, ("rule", "case_id"))


async def find_cards(reader: AsyncConnection, search: CardSearch) -> list[CardRow]:
    """One page of cards."""
    return await read_page(reader, CardRow, _cards(search), search)


async def count_cards(reader: AsyncConnection, search: CardSearch) -> int:
    """How many cards the search finds."""
    return await count(reader, _cards(search))


async def cards_of_case(reader: AsyncConnection, case_id: str) -> list[CardRow]:
    """The cards of one case."""
    return await find_cards(reader, CardSearch(case_id=case_id, limit=100))


async def find_findings(reader: AsyncConnection, search: FindingSearch) -> list[FindingRow]:
    """One page of findings."""
    return await read_page(reader, FindingRow, _findings(search), search)


async def count_findings(reader: AsyncConnection, search: FindingSearch) -> int:
    """How many findings the search finds."""
    return await count(reader, _findings(search))


async def findings_of_case(reader: AsyncConnection, case_id: str) -> list[FindingRow]:
    """The findings of one case."""
    return await find_findings(reader, FindingSearch(case_id=case_id, limit=100))
