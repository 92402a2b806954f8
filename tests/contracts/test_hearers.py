"""Every hearer takes every example of what it hears, and has an ear for nothing else."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from libs import contracts
from libs.consumer import Consumers
from libs.envelope import Event, event_from
from libs.flow import FLOW
from libs.work import Work

SERVICES = list(FLOW.services)


def deafness(service: str, consumers: Consumers) -> list[str]:
    """What a service's subscribers and the story disagree about."""
    hears, has_ears = set(FLOW.hears(service)), set(consumers.handlers)
    wrong = [f"{service} does not listen to {event}" for event in sorted(hears - has_ears)]
    wrong += [f"{service} listens to {event}, which it is not told" for event in sorted(has_ears - hears)]
    for event in sorted(hears & has_ears):
        model, _, loads = consumers.handlers[event]
        for name, cloud in contracts.examples(event).items():
            wrong += [f"{service}: {name}: {problem}" for problem in _problems(model, cloud)]
            if loads is not None and _fails(loads, event_from(cloud)):
                wrong.append(f"{service}: {name}: its prefetch hint cannot read it")
    return wrong


def _problems(model: type[BaseModel], cloud: dict[str, Any]) -> list[str]:
    try:
        model.model_validate(cloud["data"])
        model.model_validate({**cloud["data"], "said_in_a_later_version": 1})
    except ValidationError as wrong:
        return [f"{error['loc']}: {error['msg']}" for error in wrong.errors()]
    return []


def _fails(loads: Any, event: Event) -> bool:
    try:
        list(loads(event))
    except (KeyError, TypeError, ValueError):
        return True
    return False


@pytest.mark.parametrize("service", SERVICES)
def test_every_hearer_takes_every_example(service: str) -> None:
    consumers: Consumers = importlib.import_module(f"services.{service}.consumers").consumers
    assert consumers.handlers, "found no subscribers"
    assert deafness(service, consumers) == []


class _Picky(BaseModel):
    application_no: str
    colour_of_ink: str


def test_planted_deafness_is_found() -> None:
    consumers = Consumers()

    async def nothing(work: Work, event: Event, data: BaseModel) -> None: ...

    consumers.on("review.opinion_given.v1", _Picky, loads=lambda event: event.data["nowhere"])(nothing)
    consumers.on("fee.charge_assessed.v1", _Picky)(nothing)
    found = "\n".join(deafness("intake", consumers))
    assert "intake does not listen to fee.payment_received.v1" in found
    assert "('colour_of_ink',): Field required" in found
    assert "review.opinion_given.v1.objection.json: its prefetch hint cannot read it" in found
    assert "review listens to fee.charge_assessed.v1, which it is not told" in "\n".join(
        deafness("review", consumers)
    )
