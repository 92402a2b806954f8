"""What supervision says: cards and findings, and nothing else."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel


class CardIssued(BaseModel):
    """A clock crossed its last tenth (yellow) or its end (red). ``agency``: "intake" or a department."""

    application_no: str
    item_code: str
    item_version: int
    card_no: str
    colour: Literal["yellow", "red"]
    clock_kind: str
    agency: str
    crossed_at: datetime
    due_on: date
    used_wd: int
    limit_wd: int
    rule: str
    issued_at: datetime


class FindingIssued(BaseModel):
    """A rule was not kept: what our own recomputation expects, what was found, in which event."""

    application_no: str | None
    item_code: str | None
    item_version: int | None
    finding_no: str
    rule: str
    expected: str
    found: str
    about: dict[str, str]
    issued_at: datetime
