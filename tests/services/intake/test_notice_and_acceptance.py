"""AL 32: told once, everything, in time; silence accepts since receipt; what was listed alone is checked again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from libs.refusals import Refusal
from services.intake.domain.acceptance import accept, acceptance_mode, decline, reviews_of
from services.intake.domain.clocks import clock, with_new_calendar
from services.intake.domain.notice import (
    Correcting,
    correct,
    keep_defects,
    merged_defects,
    request_correction,
)
from services.intake.domain.records import Case, Defect, Reply
from services.intake.domain.refusals import (
    AgencyMissing,
    AlreadyAccepted,
    AlreadyRequested,
    CaseClosed,
    CorrectionTooLate,
    InvalidCorrection,
    InvalidDefects,
    MustAccept,
    NoCorrectionAsked,
    NotComplete,
    NothingToCorrect,
    NoticeTooLate,
    NotYet,
    StillTime,
)
from services.intake.domain.reviews import Check
from tests.services.intake.builders import (
    FACTS,
    RECEIVED,
    calendars,
    day,
    item,
    material,
    received,
)

HOUR = timedelta(hours=1)


def check(department: str, *targets: str) -> Check:
    defects = tuple(
        Defect(no=number, target=target, what=f"{target} unclear", article="art. 2", found_by=department)
        for number, target in enumerate(targets, start=1)
    )
    running = clock(calendars(), "check", day("2026-01-05"), 1)
    return Check(case_id="c" * 32, department=department, clock=running, asked_at=RECEIVED, defects=defects)


def incomplete() -> Case:
    """Without the traffic plan and without an area."""
    facts = {key: value for key, value in FACTS["road-occupation"].items() if key != "area_m2"}
    files = tuple(material(each.code) for each in item().materials if each.code != "traffic-plan")
    return received(facts=facts, materials=files)


def requested(case: Case | None = None) -> Case:
    case = case or incomplete()
    defects = merged_defects(item(), case.noted, [], [])
    return request_correction(case, item(), defects, RECEIVED + HOUR, calendars(), "n" * 64)


def test_the_notice_merges_everything_once() -> None:
    own = [Defect(no=0, target="site-photo", what="blurred", article="art. 3", found_by="intake")]
    checks = [check("traffic_police", "traffic-plan", "days"), check("urban_management", "site-plan")]
    merged = merged_defects(item(), incomplete().noted, own, checks)
    assert [defect.no for defect in merged] == [1, 2, 3, 4, 5, 6]
    assert [(defect.target, defect.found_by) for defect in merged] == [
        ("area_m2", "intake"), ("traffic-plan", "intake"), ("site-photo", "intake"),
        ("traffic-plan", "traffic_police"), ("days", "traffic_police"), ("site-plan", "urban_management"),
    ]  # fmt: skip


def test_a_notice_names_only_what_the_item_asks_for() -> None:
    own = [Defect(no=0, target="bribe", what="bring one", article="-", found_by="intake")]
    with pytest.raises(InvalidDefects):
        merged_defects(item(), (), own, [])


def test_a_notice_without_a_defect_is_none() -> None:
    with pytest.raises(NothingToCorrect):
        merged_defects(item(), (), [], [check("traffic_police")])


def test_a_second_notice_is_refused() -> None:
    with pytest.raises(AlreadyRequested):
        request_correction(requested(), item(), (), RECEIVED + 2 * HOUR, calendars(), "n" * 64)


def test_a_notice_after_its_last_hour_is_refused() -> None:
    case = incomplete()
    assert case.acts_at == datetime(2026, 1, 7, 9, tzinfo=UTC)  # two working days, 17:00 in Shanghai
    with pytest.raises(NoticeTooLate):
        request_correction(case, item(), case.noted, case.acts_at, calendars(), "n" * 64)


def test_findings_after_the_notice_are_kept_but_bind_nobody() -> None:
    late = keep_defects(check("traffic_police"), requested(), check("x", "days").defects, RECEIVED + 2 * HOUR)
    assert late.too_late
    assert merged_defects(item(), incomplete().noted, [], [late]) == merged_defects(
        item(), incomplete().noted, [], []
    )


def test_acceptance_is_deemed_after_the_notice_time_without_notice_and_dates_back_to_receipt() -> None:
    case = incomplete()
    assert case.acts_at is not None
    mode = acceptance_mode(case, [], case.acts_at)
    taken = accept(case, item(), mode, case.acts_at, calendars())
    assert taken.acceptance is not None
    assert mode == "deemed"
    assert taken.acceptance.accepted_at == RECEIVED
    assert taken.acceptance.promised.starts_on == day("2026-01-05")
    assert taken.acceptance.promised.due_on == day("2026-01-08")


def test_an_incomplete_application_is_not_accepted_as_complete() -> None:
    with pytest.raises(NotComplete) as refused:
        acceptance_mode(incomplete(), [], RECEIVED + HOUR)
    assert [error["at"] for error in refused.value.extra["errors"]] == ["area_m2", "traffic-plan"]
    with pytest.raises(NotComplete):
        acceptance_mode(received(), [check("traffic_police", "traffic-plan")], RECEIVED + HOUR)


def test_a_complete_application_is_accepted_since_its_receipt() -> None:
    later = RECEIVED + timedelta(days=1)
    taken = accept(received(), item(), acceptance_mode(received(), [], later), later, calendars())
    assert taken.acceptance is not None
    assert (taken.acceptance.mode, taken.acceptance.accepted_at) == ("complete", RECEIVED)
    reviews = reviews_of(taken, later, calendars())
    assert [review.clock.starts_on for review in reviews if review.clock] == [day("2026-01-06")] * 2


def answer(**changes: object) -> Correcting:
    given = {"facts": {"area_m2": "120"}, "materials": (material("traffic-plan", "b"),), "replies": ()}
    return Correcting(**{**given, **changes})  # type: ignore[arg-type]


def test_a_full_answer_obliges_the_window_and_starts_the_clocks_then() -> None:
    at = RECEIVED + timedelta(days=2)
    case = correct(requested(), item(), answer(), at, calendars())
    assert case.state == "corrected"
    assert case.facts["area_m2"] == "120"
    assert case.duty is not None
    assert case.duty.due_on == day("2026-01-09")
    with pytest.raises(MustAccept):
        decline(case, "not_needed", "no", None, at + HOUR)
    taken = accept(
        case, item(), acceptance_mode(case, [check("x", "days")], at + HOUR), at + HOUR, calendars()
    )
    assert taken.acceptance is not None
    assert (taken.acceptance.mode, taken.acceptance.accepted_at) == ("corrected", at)


def test_every_defect_must_be_answered_by_value_file_or_words() -> None:
    with pytest.raises(InvalidCorrection) as refused:
        correct(requested(), item(), answer(facts={}), RECEIVED + HOUR, calendars())
    assert [error["kind"] for error in refused.value.extra["errors"]] == ["not_answered"]
    words = (Reply(no=1, answer="We do not occupy any area."),)
    assert correct(requested(), item(), answer(facts={}, replies=words), RECEIVED + HOUR, calendars())


def test_only_listed_defects_may_be_touched() -> None:
    meddling = answer(
        facts={"area_m2": "120", "days": 3}, materials=(material("traffic-plan"), material("site-plan")),
        replies=(Reply(no=9, answer="more"),),
    )  # fmt: skip
    with pytest.raises(InvalidCorrection) as refused:
        correct(requested(), item(), meddling, RECEIVED + HOUR, calendars())
    assert [error["at"] for error in refused.value.extra["errors"]] == [
        "facts.days", "materials.1.code", "answers.0.no",
    ]  # fmt: skip


def test_a_material_the_new_facts_make_needless_need_not_be_answered() -> None:
    of = item("restaurant-opening")
    facts = {key: value for key, value in FACTS["restaurant-opening"].items() if key != "premises_m2"}
    files = tuple(
        material(code) for code in ("floor-plan", "safety-system", "signboard-picture", "drainage-drawing")
    )
    case = received("restaurant-opening", facts=facts, materials=files)
    noticed = request_correction(
        case, of, merged_defects(of, case.noted, [], []), RECEIVED + HOUR, calendars(), "n" * 64
    )
    small = Correcting({"premises_m2": "20"}, (), ())
    assert correct(noticed, of, small, RECEIVED + 2 * HOUR, calendars()).state == "corrected"
    large = Correcting({"premises_m2": "200"}, (), ())
    with pytest.raises(InvalidCorrection):
        correct(noticed, of, large, RECEIVED + 2 * HOUR, calendars())


def test_the_applicant_may_answer_until_midnight_of_the_last_day_and_not_after() -> None:
    case = requested()
    assert case.acts_at == datetime(2026, 1, 12, 16, tzinfo=UTC)  # five working days, 24:00 in Shanghai
    assert correct(case, item(), answer(), case.acts_at - timedelta(seconds=1), calendars())
    with pytest.raises(CorrectionTooLate):
        correct(case, item(), answer(), case.acts_at, calendars())


def test_nothing_can_be_corrected_that_was_not_asked() -> None:
    with pytest.raises(NoCorrectionAsked):
        correct(received(), item(), answer(), RECEIVED + HOUR, calendars())


def test_declining_for_want_of_competence_names_the_right_agency() -> None:
    with pytest.raises(AgencyMissing):
        decline(received(), "not_competent", "ask the county", None, RECEIVED + HOUR)
    agency = {"zh": "县政府", "en": "The county"}
    assert decline(received(), "not_competent", "ask the county", agency, RECEIVED + HOUR).state == "declined"


def test_declining_for_want_of_an_answer_waits_for_the_last_day() -> None:
    case = requested()
    assert case.acts_at is not None
    with pytest.raises(StillTime):
        decline(case, "not_corrected", "no answer", None, case.acts_at - HOUR)
    assert decline(case, "not_corrected", "no answer", None, case.acts_at).state == "declined"
    with pytest.raises(NotYet):
        decline(received(), "not_corrected", "no answer", None, RECEIVED + HOUR)


def test_what_silence_has_accepted_cannot_be_declined() -> None:
    case = incomplete()
    assert case.acts_at is not None
    with pytest.raises(AlreadyAccepted):
        decline(case, "not_needed", "no", None, case.acts_at)


@pytest.mark.parametrize("state", ["declined", "withdrawn"])
def test_a_closed_case_takes_nothing(state: str) -> None:
    case = received(state=state)
    for act in (
        lambda: acceptance_mode(case, [], RECEIVED),
        lambda: decline(case, "not_needed", "no", None, RECEIVED),
        lambda: request_correction(case, item(), (), RECEIVED, calendars(), ""),
        lambda: correct(case, item(), answer(), RECEIVED, calendars()),
    ):
        with pytest.raises(CaseClosed):
            act()


@pytest.mark.parametrize("state", ["accepted", "decision_due", "granted", "refused", "issued", "delivered"])
def test_accepted_is_accepted(state: str) -> None:
    case = received(state=state)
    with pytest.raises(Refusal) as refused:
        acceptance_mode(case, [], RECEIVED)
    assert refused.value.code in ("already_accepted", "case_closed")


def test_a_new_calendar_reaches_running_cases_but_promises_stand() -> None:
    year_end = datetime(2026, 12, 31, 2, tzinfo=UTC)
    open_case = received(at=year_end)
    assert open_case.notice.provisional
    firm = received()
    assert with_new_calendar(firm, calendars(2025, 2026)).notice == firm.notice
    moved = with_new_calendar(
        open_case.model_copy(
            update={"notice": open_case.notice.model_copy(update={"due_on": day("2027-01-01")})}
        ),
        calendars(2025, 2026),
    )
    assert moved.notice.due_on == open_case.notice.due_on
