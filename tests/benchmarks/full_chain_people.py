"""The people of the full chain, inside the services: each acts at once, as a deed, without the HTTP door.

The launcher starts the real apps through this module (``libs.runner`` asks it for ``create_app``). What a
person's request would do after the door has let it in is done by the same handlers in the same shared
commits; what is left out is HTTP itself: token, validation of the body, client key, the answer's bytes.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.encoders import jsonable_encoder

from libs.deeds import Asked, Deed
from libs.envelope import new_id
from libs.identity import Person
from libs.references import applicant_ref
from libs.runner import Service
from libs.work import Wanted, Work

HOUSE = "ONEWINDOW_BENCH_HOUSE"
ORDERS = "ONEWINDOW_BENCH_ORDERS"
PEOPLE = "ONEWINDOW_BENCH_PEOPLE"  # "inside": the people of this module act; "away": they come over HTTP
LOOK_S = 0.1
APPLICANT = Person("applicant-01", "Applicant", frozenset({"applicant"}))
WINDOW = Person("window-01", "Window", frozenset({"window_officer"}))
FACTS: dict[str, Any] = {
    "area_m2": "120",
    "starts_on": "2026-02-10",
    "ends_on": "2026-03-27",
    "days": 45,
    "zone": "2",
    "use": "other",
    "purpose": "临时堆放施工材料，围挡作业，保证行人通行。 · Building material is kept behind a fence. " * 9,
}


def application() -> dict[str, Any]:
    """The body of one application, about 1.1 KiB as JSON."""
    return {"item_code": "bench-street", "applicant": {"kind": "legal"}, "facts": FACTS, "materials": []}


def create_app() -> FastAPI:
    """The app of the house named in the environment, with its people in it."""
    house = os.environ[HOUSE]
    timers = importlib.import_module(f"services.{house}.timers").timers
    if house == "intake":
        timers.background(name="orders")(obey({"file": _file, "accept": _accept}))
    app: FastAPI = importlib.import_module(f"services.{house}.app").create_app()
    if os.environ.get(PEOPLE) == "inside":
        _PEOPLE.get(house, lambda _: None)(app.state.service)
    return app


Act = Callable[[Work], Awaitable[Any]]


class People:
    """Whoever acts in one service: an act refused is a failed benchmark, so it ends the process."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._under_way: set[asyncio.Task[Any]] = set()

    def act(self, name: str, act: Act, loads: Sequence[Wanted] = ()) -> None:
        """Do it in the next shared commit; ``loads`` as the door of this act names them."""
        task = asyncio.ensure_future(self._service.commits.do(name, act, loads=loads))
        self._under_way.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and task.exception() is not None:
            print(json.dumps({"event": "act_refused", "reason": repr(task.exception())}), flush=True)
            os._exit(71)

    def after_heard(self, event_type: str, then: Callable[[Any], None]) -> None:
        """Call ``then`` with each event of this type once its commit is done."""
        commits = self._service.commits
        submit = commits.submit
        seen: set[str] = set()

        def watched(deed: Deed) -> asyncio.Future[Any]:
            done = submit(deed)
            event = deed.event
            if event is not None and event.type == event_type and event.id not in seen:  # it may come twice
                seen.add(event.id)
                done.add_done_callback(lambda _: then(event))
            return done

        commits.submit = watched  # type: ignore[method-assign]

    def after_said(self, event_type: str, then: Callable[[dict[str, Any]], None]) -> None:
        """Call ``then`` with each event of this type once its commit is done."""
        relay = self._service.relay
        offer = relay.offer
        seen: set[int] = set()

        def watched(rows: Sequence[Any]) -> None:
            offer(list(rows))
            for row in rows:
                if row.event_type == event_type and row.seq not in seen:  # a sweep offers again
                    seen.add(row.seq)
                    then(json.loads(row.body))

        relay.offer = watched  # type: ignore[method-assign]


def _window_and_applicant(service: Service) -> None:
    from services.intake.handlers.answering import deliver_document
    from services.intake.handlers.known import the_case

    people = People(service)

    def receive(event: dict[str, Any]) -> None:
        case_id = str(event["subject"])
        people.act("deliver", lambda work: deliver_document(work, APPLICANT, case_id), the_case(case_id))

    people.after_said("intake.permit_issued.v1", receive)


def _examiner(service: Service) -> None:
    from services.review.domain import ConditionAnswer
    from services.review.handlers.acts import give_opinion, the_task

    people = People(service)
    code = service.settings.department.code  # type: ignore[attr-defined]
    examiner = Person(f"{code}-examiner", "Examiner", frozenset({"examiner"}), code)

    def examine(event: Any) -> None:
        answers = [
            ConditionAnswer(condition=condition, answer="met", evidence="经审查，符合 · examined and met")
            for condition in event.data["conditions"]
        ]
        case_id = event.subject
        people.act(
            "opinion",
            lambda work: give_opinion(work, examiner, case_id, "consent", answers, []),
            the_task(case_id),
        )

    people.after_heard("intake.review_requested.v1", examine)


def _payer(service: Service) -> None:
    from services.fee.handlers.payments import bill_and_case, pay_own_bill

    people = People(service)
    own = applicant_ref(service.settings.reference_secret, APPLICANT.sub)  # type: ignore[attr-defined]

    def pay(event: dict[str, Any]) -> None:
        bill_no = event["data"]["bill_no"]
        people.act("pay", lambda work: pay_own_bill(work, own, bill_no), bill_and_case(bill_no))

    people.after_said("fee.charge_assessed.v1", pay)


_PEOPLE: dict[str, Callable[[Service], None]] = {
    "intake": _window_and_applicant,
    "review": _examiner,
    "fee": _payer,
}


def obey(acts: Mapping[str, Callable[[Service, str], Awaitable[None]]]) -> Callable[[FastAPI], Awaitable[None]]:
    """Do what the benchmark orders in files: the name is the act, the text is told to it."""

    async def orders(app: FastAPI) -> None:
        folder = Path(os.environ[ORDERS])
        while True:
            for order, act in acts.items():
                path = folder / order
                if path.exists():
                    told = path.read_text(encoding="utf-8")
                    path.unlink()
                    await act(app.state.service, told)
                    (folder / f"{order}.done").touch()
            await asyncio.sleep(LOOK_S)

    return orders


async def _file(service: Service, told: str) -> None:
    from services.intake.handlers.applying import file_application
    from services.intake.messages.asked import ApplicationAsked

    body = ApplicationAsked.model_validate(application())

    async def one() -> None:
        asked = Asked(APPLICANT.sub, new_id(), "0" * 64, 201, _answered)
        await service.commits.do("file", lambda work: file_application(work, APPLICANT, body), None, asked)

    await asyncio.gather(*(one() for _ in range(int(told))))


def _answered(result: dict[str, Any]) -> str:
    return json.dumps(jsonable_encoder(result), ensure_ascii=False, separators=(",", ":"))


async def _accept(service: Service, told: str) -> None:
    from services.intake.handlers.known import case_and_checks

    async with service.engine.connect() as reader:
        rows = await reader.execute(sa.text("SELECT case_id FROM cases WHERE state = 'received'"))
        case_ids = [row.case_id for row in rows]
    people = People(service)
    for case_id in case_ids:
        people.act("accept", _acceptance(case_id), case_and_checks(case_id))


def _acceptance(case_id: str) -> Act:
    from services.intake.handlers.window import accept_application

    return lambda work: accept_application(work, WINDOW, case_id)
