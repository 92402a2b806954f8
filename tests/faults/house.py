"""Toy services of the standard shape on the real backbone: accept, N departments, fan-in, three recorders.

``create_app`` builds the one that FAULTS_SERVICE (and FAULTS_DEPARTMENT) names, exactly as a real service is
built: libs.runner, shared commits, relay, listener. The story and its routing are the real flow.yaml; what the
events carry is not, so schemas are not checked. Every handler leaves a row in ``effects`` that nothing keeps
unique: what is applied twice is seen there.
"""

from __future__ import annotations

import os
import signal
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import FastAPI, Response
from pydantic import BaseModel, Field

from libs import consumer, contracts, http, relay
from libs.answers import answers_table
from libs.consumer import Consumers
from libs.envelope import Event, new_id
from libs.identity.access import Access, Line
from libs.inbox import inbox_tables
from libs.letters import replays_table
from libs.outbox import outbox_table
from libs.records import Records, metadata
from libs.refusals import Park
from libs.runner import Service
from libs.settings import ServiceSettings
from libs.work import Place, Work

ACCEPTED, REQUESTED = "intake.application_accepted.v1", "intake.review_requested.v1"
OPINION, DECIDED = "review.opinion_given.v1", "intake.decision_made.v1"
CHARGED, PAID = "fee.charge_assessed.v1", "fee.payment_received.v1"
PUBLISHED, CARD = "disclosure.record_published.v1", "supervision.card_issued.v1"
HEARTBEAT_S = 2  # a shorter one than the product's, so that hanging past it takes seconds


class Case(BaseModel, frozen=True):
    """Intake's file: whose opinions it waits for, which it has, and what the recorders said about it."""

    case_id: str
    number: int
    departments: tuple[str, ...]
    opinions: dict[str, str] = {}
    decided: bool = False
    charged: int = 0
    paid: int = 0
    published: int = 0
    cards: int = 0


class Kept(BaseModel, frozen=True):
    """What a department or a recorder knows of a case: how often it heard each event."""

    case_id: str
    heard: dict[str, int] = {}


class Log(BaseModel, frozen=True):
    """Disclosure's one locked row: how many leaves there are."""

    name: str = "log"
    size: int = 0


METADATA = metadata()
outbox_table(METADATA)
inbox_tables(METADATA)
answers_table(METADATA)
replays_table(METADATA)
CASES = Records("cases", Case, key=("case_id",), metadata=METADATA)
KEPT = Records("kept", Kept, key=("case_id",), metadata=METADATA)
LOG = Records("log", Log, key=("name",), metadata=METADATA)
LEAVES = sa.Table(
    "leaves", METADATA, sa.Column("leaf_index", sa.Integer, unique=True), sa.Column("event_id", sa.Text)
)
EFFECTS = sa.Table(
    "effects",
    METADATA,
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("case_id", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
)
ONCE = sa.Table("once", METADATA, sa.Column("line", sa.Text, primary_key=True))


class Heard(BaseModel):
    """Whatever a toy event carries."""

    number: int = 0
    departments: list[str] = []
    department: str = ""
    poison: str = ""


class Application(http.Body):
    """What a client asks for: who must have a say, and (poison) how the department shall fail."""

    number: int
    departments: Annotated[list[str], Field(min_length=1)]
    poison: str = ""


def _effect(work: Work, event: Event) -> None:
    work.add(EFFECTS, event_id=event.id, case_id=event.subject, type=event.type)


def _case(event: Event) -> list[Place]:
    return [(CASES, (event.subject,))]


def _kept(event: Event) -> list[Place]:
    return [(KEPT, (event.subject,))]


async def accept(work: Work, asked: Application) -> dict[str, Any]:
    """Open a case, tell the recorders, ask every department."""
    case = Case(case_id=new_id(), number=asked.number, departments=tuple(asked.departments))
    work.put(CASES, case)
    work.add(EFFECTS, event_id=f"application {asked.number}", case_id=case.case_id, type="application")
    work.say(ACCEPTED, case.case_id, {"number": case.number, "departments": asked.departments})
    for department in asked.departments:
        told = {"number": case.number, "poison": asked.poison}
        work.say(REQUESTED, case.case_id, told, department=department)
    return {"case_id": case.case_id, "number": case.number, "departments": asked.departments}


def _intake(consumers: Consumers) -> None:
    counted = {CHARGED: "charged", PAID: "paid", PUBLISHED: "published", CARD: "cards"}

    async def known(work: Work, event: Event) -> Case:
        case = await work.get(CASES, event.subject)
        if case is None:
            raise Park(f"case/{event.subject}")
        return case

    @consumers.on(OPINION, Heard, loads=_case)
    async def on_opinion(work: Work, event: Event, data: Heard) -> None:
        case = await known(work, event)
        work.put(CASES, case.model_copy(update={"opinions": {**case.opinions, data.department: event.id}}))
        _effect(work, event)

    async def on_record(work: Work, event: Event, data: Heard) -> None:
        case = await known(work, event)
        if event.type == PAID and not case.charged:
            raise Park(f"bill/{event.subject}")
        name = counted[event.type]
        work.put(CASES, case.model_copy(update={name: getattr(case, name) + 1}))
        _effect(work, event)

    for event_type in counted:
        consumers.on(event_type, Heard, loads=_case)(on_record)


async def settle(work: Work, subjects: list[str]) -> None:
    """Level-triggered fan-in: whoever finds all opinions there decides, once."""
    for case in await work.load(CASES, [(subject,) for subject in subjects]):
        if not case.decided and set(case.opinions) >= set(case.departments):
            work.put(CASES, case.model_copy(update={"decided": True}))
            work.say(DECIDED, case.case_id, {"number": case.number, "opinions": case.opinions})


async def _note(work: Work, event: Event) -> Kept:
    kept = await work.get(KEPT, event.subject) or Kept(case_id=event.subject)
    changed = kept.model_copy(update={"heard": {**kept.heard, event.type: kept.heard.get(event.type, 0) + 1}})
    work.put(KEPT, changed)
    _effect(work, event)
    return changed


def _review(consumers: Consumers, department: str) -> None:
    @consumers.on(REQUESTED, Heard, loads=_kept)
    async def on_requested(work: Work, event: Event, data: Heard) -> None:
        if data.poison == "raise":
            raise ValueError("poison")
        if data.poison == "refuse":
            work.add(ONCE, line="twice")
            work.add(ONCE, line="twice")
        if data.poison == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        await _note(work, event)
        if not data.poison:
            work.say(OPINION, event.subject, {"number": data.number, "department": department})


def _fee(consumers: Consumers) -> None:
    @consumers.on(ACCEPTED, Heard, loads=_kept)
    async def on_accepted(work: Work, event: Event, data: Heard) -> None:
        await _note(work, event)
        work.say(CHARGED, event.subject, {"number": data.number})

    @consumers.on(DECIDED, Heard, loads=_kept)
    async def on_decided(work: Work, event: Event, data: Heard) -> None:
        kept = await work.get(KEPT, event.subject)
        if kept is None or ACCEPTED not in kept.heard:
            raise Park(f"bill/{event.subject}")
        await _note(work, event)
        work.say(PAID, event.subject, {"number": data.number})

    @consumers.on(PUBLISHED, Heard, loads=_kept)
    async def on_published(work: Work, event: Event, data: Heard) -> None:
        await _note(work, event)


def _disclosure(consumers: Consumers) -> None:
    async def append(work: Work, event: Event, data: Heard) -> None:
        log = await work.get(LOG, "log") or Log()
        work.put(LOG, log.model_copy(update={"size": log.size + 1}))
        work.add(LEAVES, leaf_index=log.size, event_id=event.id)
        _effect(work, event)
        work.say(PUBLISHED, event.subject, {"number": data.number, "of": event.id})

    for event_type in (ACCEPTED, DECIDED, CHARGED):
        consumers.on(event_type, Heard, loads=lambda event: [(LOG, ("log",))])(append)


def _supervision(consumers: Consumers) -> None:
    async def watch(work: Work, event: Event, data: Heard) -> None:
        kept = await work.get(KEPT, event.subject) or Kept(case_id=event.subject)
        if event.type in (OPINION, DECIDED) and ACCEPTED not in kept.heard:
            raise Park(f"case/{event.subject}")
        await _note(work, event)
        if event.type == DECIDED:
            work.say(CARD, event.subject, {"number": data.number})

    for event_type in (ACCEPTED, REQUESTED, OPINION, DECIDED, CHARGED, PAID, PUBLISHED):
        consumers.on(event_type, Heard, loads=_kept)(watch)


def create_app() -> FastAPI:
    """The toy service this process is told to be."""
    contracts.check = lambda event_type, data: None
    relay.HEARTBEAT_S = consumer.HEARTBEAT_S = HEARTBEAT_S
    service, department = os.environ["FAULTS_SERVICE"], os.environ.get("FAULTS_DEPARTMENT") or None
    consumers = Consumers()
    api = http.router()
    if service == "intake":
        _intake(consumers)

        @api.post("/applications")
        async def apply(body: Application, command: http.Command) -> Response:
            return await command.run(lambda work: accept(work, body), status=201)

    elif service == "review":
        _review(consumers, department or "")
    else:
        {"fee": _fee, "disclosure": _disclosure, "supervision": _supervision}[service](consumers)
    built = Service(
        service,
        ServiceSettings(),
        consumers=consumers,
        routers=[api],
        settle=settle if service == "intake" else None,
        department=department,
    )
    everybody = Line(frozenset({"public"}), None, None)
    named = {route: built.access.line(*route) for route in built.access.routes()}
    built.access = built.app.state.access = Access({**named, ("POST", "/api/applications"): everybody})
    return built.app
