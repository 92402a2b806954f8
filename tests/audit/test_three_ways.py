"""The three computations agree: the watched services', supervision's and the audit's, on anything that can occur."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.audit.evidence.days import Counting
from deploy.audit.evidence.facts import holds as audited
from deploy.audit.evidence.tariff import charge_fen
from libs.conditions import holds as watched
from libs.deadlines import Calendar, Calendars, closing_instant, due, yellow_on
from services.fee.domain.assessment import assess
from services.fee.domain.tariffs import Tariff as FeeTariff
from services.supervision.domain.charges import Tariff, recompute
from services.supervision.domain.conditions import is_met
from services.supervision.domain.workdays import PublishedCalendar, WorkingDays, warning_day
from tests.audit.center.record import shipped

YEARS = [{**shipped("calendars", year), "published_at": "2025-01-01T00:00:00Z"} for year in ("2025", "2026")]
WATCHED = Calendars(Calendar.from_published(each) for each in YEARS)
SUPERVISED = WorkingDays(
    PublishedCalendar.model_validate(
        {**each, "opens": time(9), "closes": time(17), "published_at": datetime(2025, 1, 1, tzinfo=UTC)}
    )
    for each in YEARS
)
AUDITED = Counting(YEARS)
TARIFFS = [shipped("tariffs", f"road-occupation-{name}") for name in ("chengdu-hitech", "huimin", "jingzhou")]


@settings(max_examples=200, deadline=None)
@given(start=st.integers(0, 729), limit=st.integers(0, 60))
def test_due_days_and_crossings_agree(start: int, limit: int) -> None:
    starts_on = date(2025, 1, 1) + timedelta(days=start)
    counted, audit = SUPERVISED.day_number(starts_on, limit), AUDITED.last_day(starts_on, limit)
    said = due(WATCHED, starts_on, limit)
    assert (said.provisional, counted.provisional) == (audit is None, audit is None)
    if audit is None:
        assert SUPERVISED.red_at(starts_on, limit) is AUDITED.red(starts_on, limit) is None
        return
    assert said.due_on == counted.day == audit
    assert (
        closing_instant(said.due_on, WATCHED)
        == SUPERVISED.red_at(starts_on, limit)
        == AUDITED.red(starts_on, limit)
    )
    assert SUPERVISED.yellow_at(starts_on, limit) == AUDITED.yellow(starts_on, limit)
    if limit:
        assert SUPERVISED.day_number(starts_on, warning_day(limit) or 0).day == _day(
            yellow_on(WATCHED, starts_on, limit)
        )


def _day(told: Any) -> date:
    found: date = getattr(told, "due_on", told)
    return found


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_charges_by_the_shipped_tariffs_agree(data: st.DataObject) -> None:
    told = {**data.draw(st.sampled_from(TARIFFS)), "published_at": "2026-01-04T16:30:00Z"}
    whole = {
        entry["code"]: entry["type"] == "integer" for entry in told["inputs"] if not entry.get("choices")
    }
    inputs: dict[str, Any] = {
        entry["code"]: data.draw(st.sampled_from([choice["code"] for choice in entry["choices"]]))
        for entry in told["inputs"]
        if entry.get("choices")
    }
    for code, is_whole in whole.items():
        number = data.draw(st.integers(1, 2000))
        inputs[code] = number if is_whole else str(Decimal(number) / 8)
    for mode in ("flat", "marginal") if told["tier_by"] else ("flat",):
        document = {**told, "tier_mode": mode, "minimum_fen": data.draw(st.sampled_from([0, 100_000]))}
        charged = assess(FeeTariff.model_validate(document), inputs, date(2026, 1, 12)).total_fen
        assert charged == recompute(Tariff.model_validate(document), inputs).total_fen
        assert charged == charge_fen(document, inputs)


FACTS = {"area": "12.50", "count": 3, "zone": "2", "on": True, "off": False, "day": "2026-02-01"}
COMPARISON = st.one_of(
    st.builds(
        lambda field, op, value: {"field": field, "op": op, "value": value},
        st.sampled_from(["area", "count"]),
        st.sampled_from(["eq", "ne", "lt", "le", "gt", "ge"]),
        st.sampled_from(["12.5", "3", "2", "40"]),
    ),
    st.builds(
        lambda field, value: {"field": field, "op": "eq", "value": value},
        st.sampled_from(["on", "off"]),
        st.booleans(),
    ),
    st.builds(lambda values: {"field": "zone", "op": "in", "value": values}, st.just(["1", "2"])),
    st.builds(lambda value: {"field": "zone", "op": "eq", "value": value}, st.sampled_from(["1", "2"])),
)
CONDITION = st.recursive(
    COMPARISON,
    lambda inner: st.one_of(
        st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda part: {"not": part}, inner),
    ),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(condition=CONDITION)
def test_conditions_agree(condition: dict[str, Any]) -> None:
    assert watched(condition, FACTS) == is_met(condition, FACTS) == audited(condition, FACTS)
