"""What disclosure has published, as far as supervision measures with it, version by version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from services.supervision.domain.charges import Tariff
from services.supervision.domain.conditions import is_met
from services.supervision.domain.workdays import PublishedCalendar, WorkingDays, counting_with


class Limits(BaseModel, frozen=True):
    """Limits in working days, as the item publishes them."""

    notice_wd: int
    check_wd: int
    promised_wd: int
    statutory_wd: int
    delivery_wd: int


class PlanEntry(BaseModel, frozen=True):
    """One department of the item's review plan, and when it takes part."""

    department: str
    role: str
    limit_wd: int
    after: tuple[str, ...] = ()
    when: dict[str, Any] | None = None


class ItemFee(BaseModel, frozen=True):
    """By which tariff an item is charged, when, and which facts are the tariff's inputs."""

    tariff_code: str
    timing: str
    inputs: dict[str, str]


class Item(BaseModel, frozen=True):
    """One published version of a service item."""

    item_code: str
    version: int
    name: dict[str, str] = {}
    mode: str = "single"
    lead: str
    limits: Limits
    plan: tuple[PlanEntry, ...]
    decision: str
    fee: ItemFee | None = None
    in_force_from: date

    def plan_for(self, facts: Mapping[str, Any]) -> dict[str, PlanEntry]:
        """The departments whose condition holds for these facts (AL 5(3): same facts, same reviews)."""
        return {entry.department: entry for entry in self.plan if is_met(entry.when, facts)}


class Calendars(BaseModel, frozen=True):
    """Every calendar version published so far; one record, because each clock needs all of them."""

    center: str = "center"
    published: tuple[PublishedCalendar, ...] = ()

    def with_one(self, calendar: PublishedCalendar) -> Calendars:
        """With this version added; publishing the same version again changes nothing."""
        kept = {each.name: each for each in self.published}
        kept.setdefault(calendar.name, calendar)
        return Calendars(center=self.center, published=tuple(kept[name] for name in sorted(kept)))

    def newest(self) -> WorkingDays:
        """Counting with the newest version of every year."""
        return self._newest

    def as_of(self, moment: datetime) -> WorkingDays:
        """Counting with what was published by ``moment``: a later calendar does not reach back."""
        if moment >= self._last_published_at:
            return self._newest
        return counting_with(tuple(each for each in self.published if each.published_at <= moment))

    def named(self, names: Iterable[str]) -> WorkingDays | None:
        """Counting with exactly the versions ``names`` ("2026.v1"); None when one is not known (yet)."""
        asked = tuple(names)
        if asked not in self._named:
            wanted = frozenset(asked)
            found = tuple(each for each in self.published if each.name in wanted)
            self._named[asked] = counting_with(found) if len(found) == len(wanted) else None
        return self._named[asked]

    # A case asks dozens of times; what is published in one of these never changes.
    @cached_property
    def _newest(self) -> WorkingDays:
        return counting_with(self.published)

    @cached_property
    def _last_published_at(self) -> datetime:
        return max((each.published_at for each in self.published), default=datetime.min.replace(tzinfo=UTC))

    @cached_property
    def _named(self) -> dict[tuple[str, ...], WorkingDays | None]:
        return {}


class DatedTariff(BaseModel, frozen=True):
    """A tariff version, since when it is published, and when it holds; the last day included."""

    tariff: Tariff
    published_on: date
    in_force_from: date
    in_force_until: date | None = None


class Tariffs(BaseModel, frozen=True):
    """Every published version of one tariff."""

    tariff_code: str
    versions: tuple[DatedTariff, ...] = ()

    def with_one(self, dated: DatedTariff) -> Tariffs:
        """With this version added; the same version again changes nothing."""
        kept = {each.tariff.version: each for each in self.versions}
        kept.setdefault(dated.tariff.version, dated)
        return self.model_copy(update={"versions": tuple(kept[number] for number in sorted(kept))})

    def in_force(self, on: date) -> Tariff | None:
        """The version that holds on ``on``: of those published by then, the one that came into force last."""
        held = [
            each for each in self.versions
            if max(each.published_on, each.in_force_from) <= on
        ]  # fmt: skip
        last = max(held, key=lambda each: (each.in_force_from, each.tariff.version), default=None)
        ended = last is not None and last.in_force_until is not None and last.in_force_until < on
        return None if last is None or ended else last.tariff

    def version(self, number: int) -> Tariff | None:
        """One version by its number."""
        return next((each.tariff for each in self.versions if each.tariff.version == number), None)


class DatedItem(BaseModel, frozen=True):
    """An item version and when it was published."""

    item: Item
    published_at: datetime


class Items(BaseModel, frozen=True):
    """Every published version of one service item."""

    item_code: str
    versions: tuple[DatedItem, ...] = ()

    def with_one(self, dated: DatedItem) -> Items:
        """With this version added; the same version again changes nothing."""
        kept = {each.item.version: each for each in self.versions}
        kept.setdefault(dated.item.version, dated)
        return self.model_copy(update={"versions": tuple(kept[number] for number in sorted(kept))})

    def version(self, number: int) -> Item | None:
        """One version by its number."""
        for each in self.versions:  # asked twice for every event that is heard
            if each.item.version == number:
                return each.item
        return None
