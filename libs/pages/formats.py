"""Writes dates, money, counts and names as people of each language read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from libs.money import money_text, yuan_text

SHANGHAI = ZoneInfo("Asia/Shanghai")
_WEEKDAYS = {
    "zh": ("周一", "周二", "周三", "周四", "周五", "周六", "周日"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip

When = date | datetime | str | None


def local(language: str, text: Mapping[str, str] | str | None) -> str:
    """A LocalText in the page's language; the other language if it has only that; "" for nothing."""
    if text is None:
        return ""
    if isinstance(text, str):
        return text
    found = text if isinstance(text, Mapping) else vars(text)
    return found.get(language) or found.get("zh") or found.get("en") or ""


def as_date(value: date | datetime | str) -> date:
    """A legal day: a date, an ISO text, or the day on which an instant falls in Asia/Shanghai."""
    if isinstance(value, str):
        value = date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(SHANGHAI).date()
    return value


def as_instant(value: datetime | str) -> datetime:
    """An instant in Asia/Shanghai; a naive one is read as UTC."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(SHANGHAI)


def day(language: str, value: When) -> str:
    """2026年10月21日 / 21 October 2026."""
    if not value:
        return ""
    on = as_date(value)
    if language == "en":
        return f"{on.day} {_MONTHS[on.month - 1]} {on.year}"
    return f"{on.year}年{on.month}月{on.day}日"


def day_long(language: str, value: When) -> str:
    """2026年10月21日（周三） / Wednesday 21 October 2026."""
    if not value:
        return ""
    on = as_date(value)
    weekday = _WEEKDAYS["en" if language == "en" else "zh"][on.weekday()]
    return f"{weekday} {day('en', on)}" if language == "en" else f"{day('zh', on)}（{weekday}）"


def day_short(language: str, value: When) -> str:
    """10月21日 / 21 Oct: where the year is plain from the page."""
    if not value:
        return ""
    on = as_date(value)
    return f"{on.day} {_MONTHS[on.month - 1][:3]}" if language == "en" else f"{on.month}月{on.day}日"


def weekday(language: str, value: When) -> str:
    """周三 / Wednesday."""
    return _WEEKDAYS["en" if language == "en" else "zh"][as_date(value).weekday()] if value else ""


def instant(language: str, value: datetime | str | None) -> str:
    """2026年10月21日 10:24 / 21 October 2026, 10:24 (Asia/Shanghai)."""
    if not value:
        return ""
    at = as_instant(value)
    return f"{day(language, at)}{', ' if language == 'en' else ' '}{at:%H:%M}"


def instant_short(language: str, value: datetime | str | None) -> str:
    """10月21日 10:24 / 21 Oct 10:24."""
    if not value:
        return ""
    at = as_instant(value)
    return f"{day_short(language, at)} {at:%H:%M}"


def instant_long(language: str, value: datetime | str | None) -> str:
    """2026年10月21日（周三）10:24 / Wednesday 21 October 2026, 10:24."""
    if not value:
        return ""
    at = as_instant(value)
    return f"{day_long(language, at)}{', ' if language == 'en' else ''}{at:%H:%M}"


def own_half(language: str, text: str) -> str:
    """The page's half of a text written as "中文 · English"; any other text as it is."""
    chinese, between, english = text.partition(" · ")
    if not between or not _has_han(chinese) or _has_han(english):
        return text
    return english if language == "en" else chinese


def _has_han(text: str) -> bool:
    return any("\u4e00" <= letter <= "\u9fff" for letter in text)


def working_days(language: str, number: int | None) -> str:
    """20 个工作日 / 20 working days."""
    if number is None:
        return ""
    if language == "en":
        return f"{number} working day" if number == 1 else f"{number} working days"
    return f"{number} 个工作日"


def money(language: str, amount_fen: int | None) -> str:
    """10,800.00 元 / ¥10,800.00."""
    return "" if amount_fen is None else money_text(amount_fen, language)


def size(language: str, number: int) -> str:
    """1.2 MB, 34 KB."""
    return f"{number / 1_048_576:.1f} MB" if number >= 1_048_576 else f"{max(1, round(number / 1024))} KB"


def short_hash(value: str, ends: int = 6) -> str:
    """f73a0d…12a3: enough to compare by eye, never enough to rely on."""
    return value if len(value) <= ends + 5 else f"{value[:ends]}…{value[-4:]}"


def filters(language: str) -> dict[str, Callable[..., Any]]:
    """The Jinja filters of one language."""
    spoken = (
        local,
        own_half,
        day,
        day_long,
        day_short,
        weekday,
        instant,
        instant_short,
        instant_long,
        working_days,
        money,
        size,
    )
    found: dict[str, Callable[..., Any]] = {each.__name__: partial(each, language) for each in spoken}
    return {**found, "yuan": yuan_text, "short_hash": short_hash, "date_of": as_date}
