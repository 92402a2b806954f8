"""What supervision hears of disclosure: what the center may apply, time and charge by."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict


class Heard(BaseModel):
    """An event of somebody else: only what is read here is named."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class BusinessHours(Heard):
    """Local times HH:MM at which agencies open and close."""

    opens: str
    closes: str


class CalendarPublished(Heard):
    """A year's working days."""

    year: int
    version: int
    days_off: tuple[date, ...]
    make_up_days: tuple[date, ...]
    business_hours: BusinessHours
    published_at: datetime


class TariffPublished(Heard):
    """A fee standard; the parts that say what a case costs are read by the domain's Tariff."""

    model_config = ConfigDict(frozen=True, extra="allow")
    tariff_code: str
    version: int
    in_force_from: date
    in_force_until: date | None = None
    published_at: datetime


class RulePublished(Heard):
    """A conduct or management rule."""

    rule_code: str
    version: int
    kind: str
    title: dict[str, str]
    in_force_from: date


class ServiceItemPublished(Heard):
    """A service item; the parts that are timed, reviewed and charged are read by the domain's Item."""

    model_config = ConfigDict(frozen=True, extra="allow")
    item_code: str
    version: int
    published_at: datetime


class Identity(Heard):
    """An event's identity and name."""

    source: str
    id: str
    type: str


class RecordPublished(Heard):
    """A leaf of the public log and the event it makes public."""

    leaf_index: int
    leaf_hash: str
    record_kind: str
    of_event: Identity
