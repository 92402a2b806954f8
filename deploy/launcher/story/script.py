"""Who files what and when: sixty applications on the arrivals and working speeds of a real municipal log."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

HERE = Path(__file__).parent
SHANGHAI = ZoneInfo("Asia/Shanghai")
FIRST_DAY = date(2026, 1, 5)
OPENS, CLOSES = 9, 17
USUAL_SHARE = 0.8  # the slowest usual case uses this part of a limit, so that few are late

# What happens to which application (1..60, in order of arrival); all others are granted in time.
CORRECTED = frozenset({5, 14, 23, 31, 41})
DEEMED = frozenset({8})
SILENT_APPLICANT = frozenset({35})
NOT_COMPETENT = frozenset({20})
REFUSED = frozenset({11, 26, 47})
CONDITIONS = frozenset({13, 38, 52})
WITHDRAWN = frozenset({17})
LATE = frozenset({18})
OVER_OBJECTION = frozenset({43})


@dataclass(frozen=True)
class Application:
    """One applicant's plan. ``share`` is the part of every limit that this case's people need, 0 to 1."""

    number: int
    item_code: str
    applicant: str
    channel: str
    arrives_at: datetime
    share: float
    facts: dict[str, Any] = field(hash=False)

    @property
    def scenario(self) -> str:
        """The name of what is special about it."""
        named = {
            "corrected": CORRECTED, "deemed": DEEMED, "silent_applicant": SILENT_APPLICANT,
            "not_competent": NOT_COMPETENT, "refused": REFUSED, "conditions": CONDITIONS,
            "withdrawn": WITHDRAWN, "late": LATE, "over_objection": OVER_OBJECTION,
        }  # fmt: skip
        told = self.number % 1000  # a test may tell the same application again as 2001, 3001, …
        return next((name for name, numbers in named.items() if told in numbers), "granted")


def log_rows() -> list[tuple[int, int, str]]:
    """(minutes from the first arrival, minutes of work, channel) of the sixty real cases."""
    lines = [
        line for line in (HERE / "municipal_log.csv").read_text().splitlines() if not line.startswith("#")
    ]
    return [
        (int(row["arrival_minutes"]), int(row["duration_minutes"]), row["channel"])
        for row in csv.DictReader(lines)
    ]


def applications(working_day: Any) -> Iterator[Application]:
    """The sixty applications; ``working_day(date) -> bool`` is the published calendar's answer."""
    wishes = yaml.safe_load((HERE / "applications.yaml").read_text())
    ordinary = [item for item in wishes if item != "entertainment-venue"]
    longest = max(minutes for _, minutes, _ in log_rows())
    for index, (arrival, minutes, channel) in enumerate(log_rows()):
        number = index + 1
        late_comers = number > 5 * len(ordinary)  # those that need a hearing come last and stay open
        item = "entertainment-venue" if late_comers else ordinary[index % len(ordinary)]
        variant = (index - 5 * len(ordinary)) if late_comers else index // len(ordinary)
        moment = in_hours(_redated(arrival), working_day)
        facts = {**wishes[item]["facts"], **wishes[item]["variants"][variant]}
        yield Application(
            number, item, f"applicant-{index % 12 + 1:02d}", channel, moment,
            math.log1p(minutes) / math.log1p(longest) * USUAL_SHARE, _dated(facts, moment),
        )  # fmt: skip


def _redated(arrival_minutes: int) -> datetime:
    start = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, OPENS, tzinfo=SHANGHAI)
    return start + timedelta(minutes=arrival_minutes)


def _dated(facts: dict[str, Any], filed: datetime) -> dict[str, Any]:
    day = filed.astimezone(SHANGHAI).date()
    return {
        code: (day + timedelta(days=int(value[1:]))).isoformat()
        if isinstance(value, str) and value.startswith("+") and value[1:].isdigit()
        else value
        for code, value in facts.items()
    }


def in_hours(moment: datetime, working_day: Any) -> datetime:
    """The same instant, or the first full business hour after it (UTC)."""
    local = moment.astimezone(SHANGHAI)
    if local.minute or local.second:
        local = local.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    if local.hour < OPENS:
        local = local.replace(hour=OPENS)
    elif local.hour >= CLOSES:
        local = (local + timedelta(days=1)).replace(hour=OPENS)
    while not working_day(local.date()):
        local = (local + timedelta(days=1)).replace(hour=OPENS)
    return local.astimezone(UTC)


def after(moment: datetime, working_days: float, working_day: Any) -> datetime:
    """``working_days`` (fractions count in business hours) later, within business hours (UTC)."""
    hours = max(0, round(working_days * (CLOSES - OPENS)))
    local = in_hours(moment, working_day).astimezone(SHANGHAI)
    for _ in range(hours):
        local = in_hours(local + timedelta(hours=1), working_day).astimezone(SHANGHAI)
    return local.astimezone(UTC)
