"""The recorded story: seven cases in the second and third week of January 2026."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any

from libs.envelope import instant
from tests.audit.center.acts import CaseStory
from tests.audit.center.record import Recording, local, shipped
from tests.audit.center.supervised import keep_supervision

NOW = local("01-15 12:00")
# (case, kind, agency, colour, crossing, due day, used, limit): worked out by hand from the calendar of 2026.
CARDS: tuple[tuple[int, str, str, str, str, str, int, int], ...] = (
    (3, "notice", "intake", "yellow", "01-09 09:00", "2026-01-09", 3, 3),
    (3, "notice", "intake", "red", "01-09 17:00", "2026-01-09", 3, 3),
    (4, "review", "pipelines", "yellow", "01-13 09:00", "2026-01-13", 3, 3),
    (4, "review", "pipelines", "red", "01-13 17:00", "2026-01-13", 3, 3),
    (4, "decision_promised", "urban_management", "yellow", "01-14 09:00", "2026-01-14", 5, 5),
)
RULES = {
    "notice": "AL 32(1)(4)",
    "review": "AL 26(2)",
    "decision_promised": "优化营商环境条例 36",
}
ROAD = {"area_m2": "35.5", "days": 100, "zone": "2", "use": "business", "starts_on": "2026-02-01",
        "ends_on": "2026-05-11"}  # fmt: skip
SIGN = {"on_building": False, "beside_road": False, "in_green_space": False}
DIG = {"green_touched": False, "young_road": False}


@cache
def recorded() -> Recording:
    """The whole story, with supervision's cards and its own books. Shared: take a snapshot, change that."""
    recording = Recording()
    opened = local("01-05 08:00")
    for year in ("2025", "2026"):
        recording.publish("calendars", shipped("calendars", year), opened)
    recording.publish("tariffs", shipped("tariffs", "road-occupation-chengdu-hitech"), opened)
    recording.publish("rules", shipped("rules", "window-conduct"), opened)
    for item in ("food-service", "road-occupation", "outdoor-advertising", "road-excavation", "tree-felling"):
        recording.publish("items", shipped("items", item), opened)
    cases = [tell(recording, number + 1) for number, tell in enumerate(STORIES)]
    for number, *card in CARDS:
        _card(recording, cases[number - 1], *card)
    recording.order.sort(key=lambda event: event.time)
    keep_supervision(recording, NOW)
    return recording


def _card(
    recording: Recording, case: CaseStory, kind: str, agency: str, colour: str, crossing: str, due_on: str,
    used_wd: int, limit_wd: int,
) -> None:  # fmt: skip
    at = local(crossing)
    data = {
        **case.a, "card_no": f"C-2026-{len(recording.said['supervision']) + 1:06d}", "colour": colour,
        "clock_kind": kind, "agency": agency, "crossed_at": instant(at), "due_on": due_on, "used_wd": used_wd,
        "limit_wd": limit_wd, "rule": RULES[kind], "issued_at": instant(at + timedelta(seconds=30)),
    }  # fmt: skip
    later = at + timedelta(seconds=30)
    recording.say("supervision", "supervision.card_issued.v1", case.case_id, later, data)
    row = {"card_no": data["card_no"], "case_id": case.case_id}
    recording.tables["supervision"].setdefault("cards", []).append(row)


def _granted(recording: Recording, number: int) -> CaseStory:
    case = CaseStory(recording, number, "food-service", {})
    case.receive("01-05 10:00")
    case.accept("01-06 11:00")
    case.opine("market", "01-07 15:00")
    case.ask_lead("01-07 15:00")
    case.decide("01-08 10:00")
    case.issue("01-08 10:00")
    case.deliver("01-09 09:00")
    return case


def _corrected_and_paid(recording: Recording, number: int) -> CaseStory:
    case = CaseStory(recording, number, "road-occupation", ROAD)
    case.receive("01-05 14:00")
    case.report_defects("traffic_police", "01-06 09:30")
    case.correct("01-06 16:00", "01-08 20:00")
    case.accept("01-09 09:30", "corrected")
    case.opine("urban_management", "01-09 15:00")
    case.opine("traffic_police", "01-12 10:00")
    case.ask_lead("01-12 10:00")
    case.decide("01-12 16:00")
    case.charge("01-12 16:00")
    case.pay("01-13 11:00")
    case.issue("01-13 11:00")
    case.deliver("01-14 12:00")
    return case


def _accepted_by_silence(recording: Recording, number: int) -> CaseStory:
    case = CaseStory(recording, number, "outdoor-advertising", SIGN)
    case.receive("01-06 09:00")
    case.accept("01-09 17:00", "deemed")
    case.opine("urban_management", "01-12 10:00")
    case.opine("planning", "01-13 11:00", "consent_with_conditions")
    case.opine("market", "01-14 15:00")
    case.consent("01-14 15:00")
    case.issue("01-14 15:00")
    case.deliver("01-15 10:00")
    return case


def _refused_late(recording: Recording, number: int) -> CaseStory:
    case = CaseStory(recording, number, "road-excavation", DIG)
    case.receive("01-07 09:10")
    case.accept("01-08 10:00")
    case.opine("urban_management", "01-09 10:00")
    case.opine("planning", "01-09 11:00")
    case.opine("traffic_police", "01-12 16:00")
    case.opine("pipelines", "01-14 10:00", "object")
    case.ask_lead("01-14 10:00")
    case.decide("01-14 16:00", "refused", [{"condition": "pipelines-protected", "text": "t", "article": "1"}])
    case.issue("01-14 16:00", "refusal")
    case.deliver("01-15 09:00", "refusal")
    return case


def _withdrawn(recording: Recording, number: int) -> CaseStory:
    case = CaseStory(recording, number, "food-service", {})
    case.receive("01-08 09:00")
    case.accept("01-09 09:00")
    case.withdraw("01-12 09:00", "market")
    return case


def _declined(recording: Recording, number: int) -> CaseStory:
    case = CaseStory(recording, number, "food-service", {})
    case.receive("01-09 09:00")
    case.decline("01-09 10:00")
    return case


def _still_open(recording: Recording, number: int) -> CaseStory:
    facts: dict[str, Any] = {"old_tree": True}
    case = CaseStory(recording, number, "tree-felling", facts)
    case.receive("01-12 09:00")
    case.accept("01-12 15:00")
    case.opine("landscape", "01-13 10:00")
    case.release("government", "01-13 10:00")
    case.opine("planning", "01-14 10:00")
    return case


STORIES = (
    _granted, _corrected_and_paid, _accepted_by_silence, _refused_late, _withdrawn, _declined, _still_open,
)  # fmt: skip
