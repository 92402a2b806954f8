"""The floor under the full chain: what the backbone alone takes to carry what the five services tell each other.

The same services with the same databases, queues, accounts, keys and pace, but with handlers that do nothing except
say what is to be said next. A case says the same 17 events as in the chain (the very texts that a chain measured just
before has said), they are heard by the same queues, and the same seven acts start what people start. There is no
rule, no signature, no record, no settling; so what it costs is what the chain cannot cost less than, by this backbone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from libs.consumer import Consumers, Handler
from libs.envelope import Event, new_id
from libs.flow import FLOW
from libs.pace import PACE, Pace
from libs.runner import Service
from libs.settings import ServiceSettings
from libs.timers import Timers
from libs.work import Work
from services.review.settings import ReviewSettings
from services.supervision.app import PACE as UNHURRIED
from tests.benchmarks.full_chain_people import HOUSE, People, obey

SAID = "ONEWINDOW_BENCH_SAID"  # the file of what the chain has said, by event and department
ACCEPTED, REQUESTED, OPINION = "intake.application_accepted.v1", "intake.review_requested.v1", "review.opinion_given.v1"
DECIDED, BILLED, PAID = "intake.decision_made.v1", "fee.charge_assessed.v1", "fee.payment_received.v1"
ISSUED, DELIVERED = "intake.permit_issued.v1", "intake.document_delivered.v1"
RECORDED = "disclosure.record_published.v1"
PUBLIC = (ACCEPTED, DECIDED, BILLED)
PER_CASE = {
    ACCEPTED: 1, REQUESTED: 4, OPINION: 4, DECIDED: 1, BILLED: 1, PAID: 1, ISSUED: 1, DELIVERED: 1, RECORDED: 3,
}  # fmt: skip
TYPES = tuple(PER_CASE)
Texts = dict[str, dict[str, dict[str, Any]]]


class Anything(BaseModel):
    """An event's data, unread."""


class Voice:
    """Says again what the chain has said."""

    def __init__(self, path: Path) -> None:
        self._texts: Texts = json.loads(path.read_text(encoding="utf-8"))

    @property
    def departments(self) -> list[str]:
        """Whom a case is sent to."""
        return sorted(self._texts[REQUESTED])

    def say(self, work: Work, event: str, case_id: str, department: str = "") -> None:
        """Say this event of this case."""
        data = self._texts[event][department]
        work.say(event, case_id, data, department=department or None, model=Anything)


def said_of_one_case(rows: Sequence[tuple[str, str | None, str]]) -> Texts:
    """What a Voice says, from rows of the outboxes (type, department, body)."""
    found: Texts = {}
    for event, department, body in rows:
        found.setdefault(event, {})[department or ""] = json.loads(body)["data"]
    missing = [event for event in TYPES if event not in found]
    if missing:
        raise ValueError(f"the chain has not said {missing}")
    return found


def create_app() -> FastAPI:
    """The app of the house named in the environment, with nothing in it but its part of the talk."""
    name, voice = os.environ[HOUSE], Voice(Path(os.environ[SAID]))
    department, settings = None, ServiceSettings()
    if name == "review":
        settings = ReviewSettings()
        department = settings.department.code
    answers = _ANSWERS.get(name, _silent)(voice)
    consumers, timers = Consumers(), Timers()
    for event in FLOW.hears(name):
        consumers.on(event, Anything)(answers.get(event, _nothing))
    pace: Pace = UNHURRIED if name == "supervision" else PACE
    service = Service(
        name, settings, consumers=consumers, timers=timers, routers=[], department=department, pace=pace
    )
    if name == "intake":
        timers.background(name="orders")(obey({"accept": _acceptances(voice)}))
    _act(service, voice, department or "")
    return service.app


async def _nothing(work: Work, event: Event, data: Any) -> None:
    """Heard, and that is all."""


Answers = dict[str, Handler]


def _silent(_: Voice) -> Answers:
    return {}


def _intake(voice: Voice) -> Answers:
    given: dict[str, dict[str, str]] = {}
    wanted = len(voice.departments)

    async def gather(work: Work, event: Event, data: Any) -> None:
        opinions = given.setdefault(event.subject, {})
        opinions.setdefault(event.department or "", event.id)
        if len(opinions) == wanted and list(opinions.values())[-1] == event.id:
            voice.say(work, DECIDED, event.subject)

    async def issue(work: Work, event: Event, data: Any) -> None:
        voice.say(work, ISSUED, event.subject)

    return {OPINION: gather, PAID: issue}


def _fee(voice: Voice) -> Answers:
    async def bill(work: Work, event: Event, data: Any) -> None:
        voice.say(work, BILLED, event.subject)

    return {DECIDED: bill}


def _disclosure(voice: Voice) -> Answers:
    async def record(work: Work, event: Event, data: Any) -> None:
        voice.say(work, RECORDED, event.subject)

    return dict.fromkeys(PUBLIC, record)


_ANSWERS: dict[str, Callable[[Voice], Answers]] = {
    "intake": _intake, "fee": _fee, "disclosure": _disclosure,
}  # fmt: skip


def _act(service: Service, voice: Voice, own: str) -> None:
    """The people: each says the next thing as a deed of its own, in the trace it belongs to."""
    people = People(service)

    def then(event: str, department: str = "") -> Callable[[str, str | None], None]:
        def act(case_id: str, traceparent: str | None) -> None:
            async def deed(work: Work) -> None:
                work.continue_trace(traceparent)
                voice.say(work, event, case_id, department)

            people.act(event, deed)

        return act

    opine, pay, deliver = then(OPINION, own), then(PAID), then(DELIVERED)
    if own:
        people.after_heard(REQUESTED, lambda event: opine(event.subject, event.traceparent))
    elif service.name == "fee":
        people.after_said(BILLED, lambda event: pay(event["subject"], event.get("traceparent")))
    elif service.name == "intake":
        people.after_said(ISSUED, lambda event: deliver(event["subject"], event.get("traceparent")))


def _acceptances(voice: Voice) -> Callable[[Service, str], Awaitable[None]]:
    async def accept(work: Work) -> None:
        case_id = new_id()
        voice.say(work, ACCEPTED, case_id)
        for department in voice.departments:
            voice.say(work, REQUESTED, case_id, department)

    async def all_of_them(service: Service, told: str) -> None:
        people = People(service)
        for _ in range(int(told)):
            people.act("accept", accept)

    return all_of_them
