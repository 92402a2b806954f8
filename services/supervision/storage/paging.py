"""Cuts a list into pages: at most 100 rows each, the first page is 1."""

from __future__ import annotations

from typing import Any, TypeVar

import sqlalchemy as sa
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

MOST_ROWS = 100
M = TypeVar("M", bound=BaseModel)


class Page(BaseModel, frozen=True):
    """Which part of a list is wanted."""

    page: int = Field(default=1, ge=1, le=100_000)
    limit: int = Field(default=50, ge=1, le=MOST_ROWS)


async def read_page(reader: AsyncConnection, model: type[M], select: sa.Select[Any], page: Page) -> list[M]:
    """One page of ``select`` as ``model`` rows."""
    cut = select.limit(page.limit).offset((page.page - 1) * page.limit)
    found = await reader.execute(cut)
    return [model.model_validate(dict(row._mapping)) for row in found]


async def count(reader: AsyncConnection, select: sa.Select[Any]) -> int:
    """How many rows ``select`` has."""
    found = await reader.execute(sa.select(sa.func.count()).select_from(select.order_by(None).subquery()))
    return int(found.scalar_one())
