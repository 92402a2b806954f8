"""What supervision would keep of the recorded story: its own case files and clocks, by its own domain."""

from __future__ import annotations

from datetime import datetime, time

from libs.envelope import Event
from services.supervision.consumers import ABOUT_CASES
from services.supervision.domain.case_file import CaseFile, Happening
from services.supervision.domain.catalogue import Calendars, Item
from services.supervision.domain.clocks import clocks_of
from services.supervision.domain.workdays import PublishedCalendar
from services.supervision.handlers import MARKS
from tests.audit.center.record import Recording


def happening(event: Event) -> Happening:
    """The event as supervision keeps it."""
    data = ABOUT_CASES[event.type].model_validate(event.data).model_dump(mode="json")
    return Happening(
        type=event.type,
        source=event.source,
        id=event.id,
        at=event.time,
        department=event.department,
        data=data,
    )


def calendars(recording: Recording) -> Calendars:
    """The published calendars as supervision keeps them."""
    kept = Calendars()
    for event in recording.said["disclosure"]:
        if event.type == "disclosure.calendar_published.v1":
            hours = event.data["business_hours"]
            published = {
                **{name: event.data[name] for name in ("year", "version", "days_off", "make_up_days")},
                "opens": time.fromisoformat(hours["opens"]),
                "closes": time.fromisoformat(hours["closes"]),
                "published_at": event.data["published_at"],
            }
            kept = kept.with_one(PublishedCalendar.model_validate(published))
    return kept


def case_files(recording: Recording) -> dict[str, CaseFile]:
    """Every case's file."""
    happened: dict[str, list[Happening]] = {}
    for event in recording.order:
        if event.type in ABOUT_CASES:
            happened.setdefault(event.subject, []).append(happening(event))
    return {
        case_id: CaseFile.opened_by(case_id, told[0]).with_happenings(told) for case_id, told in happened.items()
    }


def keep_supervision(recording: Recording, now: datetime) -> None:
    """Fill supervision's tables, and the records of cases the other services keep."""
    published = calendars(recording)
    books = recording.tables["supervision"]
    for case in case_files(recording).values():
        books.setdefault("cases", []).append({"case_id": case.case_id})
        for each in case.happenings:
            row = {"case_id": case.case_id, "source": each.source, "id": each.id}
            books.setdefault("happenings", []).append(row)
        item = Item.model_validate(recording.items[case.item_code])
        for clock in clocks_of(case, item, published, MARKS):
            stopped = clock.stopped_at.isoformat() if clock.stopped_at else None
            row = {"case_id": case.case_id, "kind": clock.kind, "agency": clock.agency,
                   "due_on": clock.due_on.isoformat(), "stopped_at": stopped}  # fmt: skip
            books.setdefault("clocks", []).append(row)
        recording.tables["intake"].setdefault("cases", []).append({"case_id": case.case_id})
    for name, tables in recording.tables.items():
        if name.startswith("review."):
            department = name.partition(".")[2]
            asked = {e.subject for e in recording.said["intake"] if e.department == department}
            tables["tasks"] = [{"case_id": case_id} for case_id in sorted(asked)]
