"""The story as data: every event has one speaker, known hearers and clocks, and successors that exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from libs.flow import CONTRACTS, FLOW, Flow, load

DEPARTMENTS = ["fire", "planning", "water"]


def test_the_story_is_found_beside_libs() -> None:
    assert (CONTRACTS / "flow.yaml").is_file()
    assert load() is FLOW
    assert len(FLOW.event_names) == len(FLOW.document["steps"]), "an event is told twice"


@pytest.mark.parametrize("event", FLOW.event_names)
def test_every_step_names_only_what_exists(event: str) -> None:
    rule = FLOW.rule(event)
    assert rule.said_by == event.split(".")[0]
    assert rule.heard_by, "nobody hears it"
    assert set(rule.heard_by) <= FLOW.services.keys()
    assert set(rule.next) <= FLOW.rules.keys()
    assert {*rule.starts, *rule.stops} <= FLOW.clocks.keys()
    assert rule.law, "every step rests on a clause"
    assert rule.said_by not in rule.heard_by
    assert rule.said_by == "supervision" or "supervision" in rule.heard_by


def test_every_clock_is_started_and_stopped() -> None:
    for end in ("starts", "stops"):
        assert {clock for rule in FLOW.rules.values() for clock in getattr(rule, end)} == FLOW.clocks.keys()


def test_routing_key_ends_in_the_department_only_where_one_speaks_or_is_told() -> None:
    assert FLOW.routing_key("intake.application_accepted.v1", "fire") == "intake.application_accepted.v1"
    assert FLOW.routing_key("intake.review_requested.v1", "fire") == "intake.review_requested.v1.fire"
    assert FLOW.routing_key("review.opinion_given.v1", "fire") == "review.opinion_given.v1.fire"
    with pytest.raises(ValueError, match="department"):
        FLOW.routing_key("review.opinion_given.v1")
    with pytest.raises(KeyError):
        FLOW.routing_key("review.opinion_whispered.v1", "fire")


def test_queue_is_named_for_its_hearer() -> None:
    assert FLOW.queue("intake") == "intake"
    assert FLOW.queue("review", "fire") == "review.fire"
    for service, department in (("review", None), ("fee", "fire")):
        with pytest.raises(ValueError, match="per"):
            FLOW.queue(service, department)


def test_says_and_hears_are_two_views_of_the_same_steps() -> None:
    assert sorted(event for service in FLOW.services for event in FLOW.says(service)) == sorted(
        FLOW.event_names
    )
    for service in FLOW.services:
        assert all(service in FLOW.rule(event).heard_by for event in FLOW.hears(service))
    assert "fee.payment_received.v1" not in FLOW.hears("review"), "a department must not learn of payments"
    assert "intake.application_accepted.v1" in FLOW.hears("fee")


@pytest.mark.parametrize(
    ("event", "queues"),
    [
        ("disclosure.calendar_published.v1", 5),  # intake, supervision, three departments
        ("intake.review_requested.v1", 2),  # one department, supervision
        ("review.opinion_given.v1", 2),  # intake, supervision
        ("supervision.card_issued.v1", 1),
    ],
)
def test_event_reaches_one_queue_per_hearer(event: str, queues: int) -> None:
    assert FLOW.queues_reached(event, DEPARTMENTS) == queues


def test_another_center_may_tell_another_story(tmp_path: Path) -> None:
    file = tmp_path / "flow.yaml"
    file.write_text(
        (CONTRACTS / "flow.yaml")
        .read_text(encoding="utf-8")
        .replace("delivery_limit: 20", "delivery_limit: 3")
    )
    other = load(file)
    assert isinstance(other, Flow)
    assert other.delivery_limit == 3 != FLOW.delivery_limit
