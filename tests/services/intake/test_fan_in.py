"""Fan-in: the same stored rows give the same end, whatever order, repetition or delay brought them there."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as hypothesis_given
from hypothesis import settings
from hypothesis import strategies as st

from services.intake.domain.acceptance import released
from services.intake.domain.fan_in import conditions_of, is_reviewed, moves
from services.intake.domain.items import Item
from services.intake.domain.opinions import decide
from services.intake.domain.plan import frozen_plan
from services.intake.domain.records import Case, Charge
from services.intake.domain.reviews import Review
from services.intake.domain.waiting import waits_for
from tests.services.intake.builders import RECEIVED, accepted, calendars, decision, given, item

DEPARTMENTS = ["lead", "a", "b", "c", "d"]


def plan_item(
    after: dict[str, list[str]], *, by: str = "by_lead", hearing: str = "none", fee: bool = False
) -> Item:
    """An item with this plan, in a valid order."""
    steps = [
        {"department": each, "role": "lead" if each == "lead" else "review", "limit_wd": 3,
         "after": after.get(each, [])}
        for each in DEPARTMENTS
        if each in after
    ]  # fmt: skip
    plain = item().model_dump()
    changes = {"plan": steps, "lead": "lead", "decision": by, "hearing": hearing}
    return Item.model_validate({**plain, **changes, **({} if fee else {"fee": None})})


@st.composite
def plans(draw: st.DrawFn) -> dict[str, list[str]]:
    """A plan without circles: a department waits only for departments before it in a drawn order."""
    order = draw(st.permutations(DEPARTMENTS))
    size = draw(st.integers(1, len(order)))
    chosen = [each for each in order if each in {"lead", *order[:size]}]
    return {
        each: draw(st.lists(st.sampled_from(chosen[:place]), unique=True)) if place else []
        for place, each in enumerate(chosen)
    }


def settle(case: Case, reviews: dict[str, Review]) -> tuple[Case, list[str]]:
    """Take every move as the settling does; (case, what was done)."""
    done: list[str] = []
    while found := moves(case, list(reviews.values())):
        for move in found:
            done.append(f"{move.kind} {move.department or ''}".strip())
            if move.kind == "release" and move.department:
                reviews[move.department] = released(reviews[move.department], RECEIVED, calendars())
                continue
            state = {
                "decision_due": "decision_due", "decide": "granted", "issue_permit": "issued",
                "issue_refusal": "issued",
            }[move.kind]  # fmt: skip
            case = case.model_copy(update={"state": state})
    return case, done


def start(of: Item, **changes: Any) -> tuple[Case, dict[str, Review]]:
    """An accepted case of this item and its reviews, settled once."""
    case, reviews = accepted(of=of, **changes)
    by_department = {review.department: review for review in reviews}
    case, _ = settle(case, by_department)
    return case, by_department


outcomes = st.sampled_from(["consent", "consent_with_conditions", "object"])


@settings(max_examples=300, deadline=None)
@hypothesis_given(st.data(), plans(), st.sampled_from(["by_lead", "unanimous"]))
def test_every_order_repetition_and_delay_of_opinions_ends_alike(
    data: st.DataObject, after: dict[str, list[str]], by: str
) -> None:
    of = plan_item(after, by=by)
    outcome = {each: data.draw(outcomes, label=each) for each in after}
    ends = set()
    for _ in range(2):
        case, reviews = start(of)
        log: list[str] = []
        while not is_reviewed(case, list(reviews.values())):
            open_now = sorted(
                each for each, review in reviews.items() if review.is_released and not review.is_given
            )
            assert open_now, "a case whose reviews are open always has one that can be answered"
            batch = data.draw(st.lists(st.sampled_from(open_now), min_size=1))  # with repetitions
            for department in batch:
                reviews[department] = given(reviews[department], outcome[department])
            assert case.state == "accepted"
            case, done = settle(case, reviews)
            log += done
            assert settle(case, reviews)[1] == []  # settling again does nothing
        ends.add((case.state, tuple(sorted(log)), conditions_of(list(reviews.values()))))
    assert len(ends) == 1
    ((state, log_, _),) = ends
    unanimous = by == "unanimous" and "object" not in outcome.values()
    assert state == ("issued" if unanimous else "decision_due")
    assert len(log_) == len(set(log_)), "every move is taken once"
    waiting = {each for each, before in after.items() if before}
    assert {line.removeprefix("release ") for line in log_ if line.startswith("release")} <= waiting


@settings(max_examples=200, deadline=None)
@hypothesis_given(st.data(), plans())
def test_nothing_is_decided_while_a_required_review_is_open(
    data: st.DataObject, after: dict[str, list[str]]
) -> None:
    case, reviews = start(plan_item(after, by="unanimous"))
    answered = data.draw(st.sets(st.sampled_from(sorted(after)), max_size=len(after) - 1))
    for department in answered:
        if reviews[department].is_released:
            reviews[department] = given(reviews[department])
            case, _ = settle(case, reviews)
    assert case.state == "accepted"
    assert waits_for(case, [], list(reviews.values()), RECEIVED), "an open case always says what it waits for"


def test_a_successor_is_released_by_its_last_predecessor_and_by_no_other() -> None:
    case, reviews = start(plan_item({"lead": ["a", "b"], "a": [], "b": []}))
    assert not reviews["lead"].is_released
    reviews["a"] = given(reviews["a"])
    assert settle(case, reviews)[1] == []
    reviews["b"] = given(reviews["b"], "object")
    assert settle(case, reviews)[1] == ["release lead"]
    assert reviews["lead"].clock is not None


def test_a_predecessor_that_has_no_part_in_the_case_is_waited_for_by_nobody() -> None:
    of = item("construction-permit")
    plan = frozen_plan(of, {"special_project": False, "earth_moved_ha": "1"})
    assert {step.department for step in plan} == {"housing", "civil_defence", "meteorology", "archives"}
    assert all(step.after == () for step in plan)
    special = frozen_plan(of, {"special_project": True, "earth_moved_ha": "6"})
    assert {step.department: step.after for step in special}["housing"] == ("fire",)


def test_unanimous_consent_decides_by_itself_and_an_objection_goes_to_the_lead() -> None:
    of = plan_item({"lead": [], "a": []}, by="unanimous")
    case, reviews = start(of)
    both = [given(reviews["lead"]), given(reviews["a"], "consent_with_conditions")]
    assert [move.kind for move in moves(case, both)] == ["decide"]
    assert conditions_of(both) == ("condition of a",)
    one = [given(reviews["lead"]), given(reviews["a"], "object")]
    assert [move.kind for move in moves(case, one)] == ["decision_due"]


def test_a_required_hearing_holds_the_case_and_says_so() -> None:
    case, reviews = start(plan_item({"lead": [], "a": []}, hearing="required"))
    done = [given(review) for review in reviews.values()]
    assert moves(case, done) == []
    assert [each.kind for each in waits_for(case, [], done, RECEIVED)] == ["hearing"]


@pytest.mark.parametrize("timing", ["before_delivery", "on_acceptance"])
def test_no_permit_before_the_charge_is_settled_and_no_payment_buys_one(timing: str) -> None:
    case, _ = accepted()
    charge = Charge(bill_no="B-2026-000001", total_fen=5, assessed_at=RECEIVED)
    paid = charge.model_copy(update={"paid_at": RECEIVED})
    granted = decide(case, decision(), [], []).model_copy(update={"fee_timing": timing})
    assert moves(granted, []) == []
    assert moves(granted.model_copy(update={"charge": charge}), []) == []
    assert [move.kind for move in moves(granted.model_copy(update={"charge": paid}), [])] == ["issue_permit"]
    free = charge.model_copy(update={"total_fen": 0})
    assert [move.kind for move in moves(granted.model_copy(update={"charge": free}), [])] == ["issue_permit"]
    # Pain 2: a payment does not issue the permit of a case under review.
    assert moves(case.model_copy(update={"charge": paid}), []) == []


def test_a_refusal_is_issued_without_a_fee() -> None:
    case, reviews = accepted()
    refused = decide(case, decision("refused"), [], reviews)
    assert [move.kind for move in moves(refused, [])] == ["issue_refusal"]


@pytest.mark.parametrize(
    "state", ["received", "correction_requested", "corrected", "declined", "withdrawn", "delivered"]
)
def test_outside_review_and_decision_nothing_moves_by_itself(state: str) -> None:
    case, reviews = accepted()
    assert moves(case.model_copy(update={"state": state}), [given(review) for review in reviews]) == []
