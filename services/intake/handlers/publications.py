"""Keeps what disclosure published and what supervision and the public log say about our cases."""

from __future__ import annotations

from typing import Any

from libs.envelope import Event
from libs.refusals import Refusal
from libs.work import Work
from services.intake.domain.clocks import with_new_calendar
from services.intake.domain.items import Item
from services.intake.handlers.known import heard_case, known_calendars
from services.intake.handlers.papers import note
from services.intake.messages.heard import (
    CalendarPublished,
    CardIssued,
    FindingIssued,
    RecordPublished,
    RulePublished,
    ServiceItemPublished,
)
from services.intake.storage import (
    CALENDARS,
    CASES,
    ITEMS,
    PROOFS,
    RULES,
    CalendarYear,
    KeptItem,
    KeptRule,
    Proof,
)
from services.intake.storage.due import PROVISIONAL


class PublishedDifferently(Refusal):
    """A publication is never changed: the same version with another content is not taken."""

    code = "published_differently"
    title = "This version was already published with another content."


async def keep_calendar(work: Work, data: CalendarPublished) -> None:
    """Keep the newest calendar of a year; running cases whose dates were provisional are counted again."""
    known = await work.get(CALENDARS, str(data.year))
    if known is not None and known.published["version"] >= data.version:
        return
    work.put(CALENDARS, CalendarYear(year=str(data.year), published=data.model_dump(mode="json")))
    rows = await work.rows(PROVISIONAL)
    calendars = await known_calendars(work) if rows else None
    for case in await work.load(CASES, [(row.case_id,) for row in rows]):
        if calendars is not None:
            work.put(CASES, with_new_calendar(case, calendars))


async def keep_item(work: Work, data: ServiceItemPublished) -> None:
    """Keep a published version of an item; what was never published cannot be applied for."""
    item = Item.model_validate(data.model_dump())
    known = await work.get(ITEMS, item.item_code, str(item.version))
    if known is None:
        work.put(ITEMS, KeptItem(item_code=item.item_code, edition=str(item.version), item=item))
    elif known.item != item:
        raise PublishedDifferently(f"{item.item_code} version {item.version}")


async def keep_rule(work: Work, data: RulePublished) -> None:
    """Keep the newest version of a conduct or management rule."""
    known = await work.get(RULES, data.rule_code)
    if known is None or known.rule_version < data.version:
        work.put(
            RULES,
            KeptRule(
                rule_code=data.rule_code, rule_version=data.version, kind=data.kind, title=data.title,
                in_force_from=data.in_force_from,
            ),
        )  # fmt: skip


async def keep_proof(work: Work, event: Event, data: RecordPublished) -> None:
    """Keep the inclusion proof beside the paper it proves; a later, larger tree replaces an earlier one."""
    known = await work.get(PROOFS, data.of_event.source, data.of_event.id)
    if known is not None and known.tree_size >= data.tree_size:
        return
    work.put(
        PROOFS,
        Proof(
            event_source=data.of_event.source, event_id=data.of_event.id, subject=event.subject,
            record_kind=data.record_kind, leaf_index=data.leaf_index, leaf_hash=data.leaf_hash,
            document_sha256=data.document_sha256, tree_size=data.tree_size, checkpoint=data.checkpoint,
            proof=tuple(data.proof),
        ),
    )  # fmt: skip


async def note_card(work: Work, event: Event, data: CardIssued) -> None:
    """Show supervision's card on the case's time line."""
    case = await heard_case(work, event.subject)
    department = None if data.agency == "intake" else data.agency
    note(work, case.case_id, "card_issued", department=department, **_shown(data))


async def note_finding(work: Work, event: Event, data: FindingIssued) -> None:
    """Show supervision's finding on the case's time line; findings about no case are not ours to show."""
    if data.about.get("application_no", True) is None and not event.subject:
        return
    from_case = await work.get(CASES, event.subject)
    if from_case is not None:
        note(work, from_case.case_id, "finding_issued", **_shown(data))


def _shown(data: CardIssued | FindingIssued) -> dict[str, Any]:
    return data.model_dump(mode="json", exclude={"about"})
