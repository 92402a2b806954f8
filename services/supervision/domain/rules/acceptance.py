"""The window: one notice, silence accepts, the published plan, the right agency named (AL 32, 5(3))."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from services.supervision.domain.rules.view import CORRECTION, DECLINED, RECEIVED, Fault, View, Wait
from services.supervision.domain.workdays import legal_day

ONCE = "AL 32(1)(4)"


def notified_once(view: View) -> Iterator[Fault | Wait]:
    """AL 32(1)(4): everything that is missing is told at once; a second notice is not allowed."""
    for second in view.case.all(CORRECTION)[1:]:
        yield Fault(ONCE, "one notice of everything to correct", "a further notice", second)


def silence_accepts(view: View) -> Iterator[Fault | Wait]:
    """AL 32(1)(4): no notice within the limit means accepted as of the day of receipt, and not earlier."""
    accepted, received = view.accepted, view.case.first(RECEIVED)
    if accepted is None or received is None:
        return
    received_at = datetime.fromisoformat(received.data["received_at"])
    days = view.calendars.named(received.data["clock"]["calendar"])
    closes_at = days.red_at(legal_day(received_at), view.item.limits.notice_wd) if days else None
    if closes_at is None:
        return
    notice = view.case.first(CORRECTION)
    if notice is None and accepted.data["mode"] == "corrected":
        yield view.absent(ONCE, "a notice before what it asked for was corrected", accepted)
        return
    in_time = notice is not None and notice.at <= closes_at
    if accepted.data["mode"] == "deemed":
        if datetime.fromisoformat(accepted.data["accepted_at"]) != received_at:
            told = accepted.data["accepted_at"]
            yield Fault(ONCE, f"accepted as of receipt, {received_at}", f"as of {told}", accepted)
        if in_time or accepted.at < closes_at:
            expected = f"deemed accepted only after silence until {closes_at}"
            yield Fault(ONCE, expected, f"at {accepted.at}", accepted)
    elif not in_time and accepted.at > closes_at:
        expected = f"deemed accepted: no notice until {closes_at}"
        yield Fault(ONCE, expected, f"mode {accepted.data['mode']}", accepted)


def plan_is_the_published_one(view: View) -> Iterator[Fault | Wait]:
    """AL 5(3): same facts, same item, same reviews."""
    accepted = view.accepted
    if accepted is None:
        return
    told = {step["department"] for step in accepted.data["plan"]}
    if told != set(view.plan):
        yield Fault("AL 5(3)", f"reviewed by {sorted(view.plan)}", f"by {sorted(told)}", accepted)


def right_agency_is_named(view: View) -> Iterator[Fault | Wait]:
    """AL 32(1)(2): whoever declines as not competent names the agency that is."""
    for declined in view.case.all(DECLINED):
        if declined.data.get("reason_code") == "not_competent" and not declined.data.get("right_agency"):
            yield Fault("AL 32(1)(2)", "the right agency is named", "none is", declined)
