"""Publishes a document: the law first, then the event, the version and the leaf, all in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from pydantic import BaseModel

from libs.identity import Person
from libs.refusals import Refusal
from libs.work import Work
from services.disclosure.domain.breaches import Breach, Published
from services.disclosure.domain.calendar_law import calendar_breaches, rule_breaches
from services.disclosure.domain.documents import Document, LocalText, Rule, ServiceItem, Tariff, YearCalendar
from services.disclosure.domain.item_law import LIFE_EVENTS, item_breaches
from services.disclosure.domain.leaves import RecordKind, legal_day, publication_leaf
from services.disclosure.domain.tariff_law import tariff_breaches
from services.disclosure.handlers.log import LOG_KEY, append_leaf
from services.disclosure.messages import (
    CalendarPublished,
    RulePublished,
    ServiceItemPublished,
    TariffPublished,
)
from services.disclosure.storage.queries import ON_DAY
from services.disclosure.storage.tables import LATEST, LOG, PUBLICATIONS, Latest


class CatalogueBreach(Refusal):
    """The document breaks the law of publication; ``breaches`` lists every way it does."""

    code = "catalogue_breach"
    status = 422
    title = "This may not be published: it breaks the law or its own catalogue."

    def __init__(self, breaches: Sequence[Breach]) -> None:
        codes = ", ".join(sorted({breach.code for breach in breaches}))
        super().__init__(codes, breaches=[breach.to_dict() for breach in breaches])


class PublicationAnswer(BaseModel):
    """What was published, and where it stands in the public log."""

    kind: RecordKind
    code: str
    version: int
    in_force_from: date
    leaf_index: int


async def publish_item(work: Work, person: Person, item: ServiceItem) -> PublicationAnswer:
    """Publish one version of a service item (AL 5(2), 30)."""
    published = await _published(work, "service_item", item.item_code)
    from_day = item.in_force_from or published.today
    tariffs = await _tariff_of(work, item, from_day)
    known = Published(
        published.today,
        work.settings.department_codes(),
        tariffs,
        published.previous_version,
        published.previous_in_force_from,
    )
    _require(item_breaches(item, from_day, known))
    texts = [item.name, item.summary, *(LIFE_EVENTS[code] for code in item.life_events)]
    texts += [entry.text for entry in item.conditions] + [entry.name for entry in item.materials]
    content = _content(work, item, from_day)
    said = ServiceItemPublished.model_validate(content, strict=False)
    return await _publish(
        work, person, "service_item", item.item_code, said=said, words=_words(item.item_code, texts)
    )


async def publish_tariff(work: Work, person: Person, tariff: Tariff) -> PublicationAnswer:
    """Publish one version of a fee standard (AL 58–59)."""
    published = await _published(work, "tariff", tariff.tariff_code)
    from_day = tariff.in_force_from or published.today
    _require(tariff_breaches(tariff, from_day, published))
    said = TariffPublished.model_validate(_content(work, tariff, from_day), strict=False)
    return await _publish(
        work, person, "tariff", tariff.tariff_code, said=said, words=_words(tariff.tariff_code, [tariff.name])
    )


async def publish_calendar(work: Work, person: Person, calendar: YearCalendar) -> PublicationAnswer:
    """Publish one version of a year's calendar (T-4)."""
    year = str(calendar.year)
    published = await _published(work, "calendar", year)
    from_day = calendar.in_force_from or date(calendar.year, 1, 1)
    _require(calendar_breaches(calendar, from_day, published))
    said = CalendarPublished.model_validate(_content(work, calendar, from_day), strict=False)
    return await _publish(work, person, "calendar", year, said=said, words=f"{year} {calendar.document_no}")


async def publish_rule(work: Work, person: Person, rule: Rule) -> PublicationAnswer:
    """Publish one version of a conduct or management rule."""
    published = await _published(work, "rule", rule.rule_code)
    from_day = rule.in_force_from or published.today
    _require(rule_breaches(rule, from_day, published))
    said = RulePublished.model_validate(_content(work, rule, from_day), strict=False)
    return await _publish(
        work, person, "rule", rule.rule_code, said=said, words=_words(rule.rule_code, [rule.title])
    )


async def _published(work: Work, kind: RecordKind, code: str) -> Published:
    # The log's row first, always: whoever publishes or records waits in one line, and no two lock crosswise.
    await work.get(LOG, LOG_KEY)
    latest = await work.get(LATEST, kind, code)
    today = date.fromisoformat(legal_day(work.now))
    if latest is None:
        return Published(today)
    return Published(today, previous_version=latest.version, previous_in_force_from=latest.in_force_from)


async def _tariff_of(work: Work, item: ServiceItem, day: date) -> dict[str, Tariff]:
    """The item's tariff as it will be in force on ``day``, if it is published."""
    if item.fee is None:
        return {}
    code = item.fee.tariff_code
    latest = await work.get(LATEST, "tariff", code)
    if latest is None:
        return {}
    content: Any = latest.content
    if latest.in_force_from > day:
        rows = await work.rows(ON_DAY, kind="tariff", code=code, day=day)
        content = rows[0].content if rows else content
    plain = {name: value for name, value in content.items() if name != "published_at"}
    return {code: Tariff.model_validate(plain, strict=False)}


def _require(breaches: Sequence[Breach]) -> None:
    if breaches:
        raise CatalogueBreach(breaches)


def _content(work: Work, document: Document, from_day: date) -> dict[str, Any]:
    return {
        **document.model_dump(mode="json"),
        "in_force_from": from_day.isoformat(),
        "published_at": work.now,
    }


def _words(code: str, texts: Sequence[LocalText]) -> str:
    return " ".join([code, *(f"{text.zh} {text.en}" for text in texts)]).lower()


EVENTS: dict[str, tuple[str, str]] = {
    "service_item": ("disclosure.service_item_published.v1", "item"),
    "tariff": ("disclosure.tariff_published.v1", "tariff"),
    "calendar": ("disclosure.calendar_published.v1", "calendar"),
    "rule": ("disclosure.rule_published.v1", "rule"),
}


async def _publish(
    work: Work,
    person: Person,
    kind: RecordKind,
    code: str,
    *,
    said: ServiceItemPublished | TariffPublished | CalendarPublished | RulePublished,
    words: str,
) -> PublicationAnswer:
    event_type, prefix = EVENTS[kind]
    content = said.model_dump(mode="json")
    event = work.say(event_type, f"{prefix}/{code}", content)
    leaf_index = await append_leaf(work, publication_leaf(kind, content, words), event)
    latest = Latest(
        kind=kind, code=code, version=said.version, in_force_from=said.in_force_from, content=content
    )  # fmt: skip
    work.put(LATEST, latest)
    work.add(
        PUBLICATIONS,
        kind=kind,
        code=code,
        version=said.version,
        in_force_from=said.in_force_from,
        published_at=work.now,
        published_by=person.sub,
        content=content,
        words=words,
        leaf_index=leaf_index,
    )
    return PublicationAnswer(
        kind=kind, code=code, version=said.version, in_force_from=said.in_force_from, leaf_index=leaf_index
    )
