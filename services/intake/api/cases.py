"""Cases: lists, the whole view, every act on them, their signed papers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Query, Request, Response
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from libs import identity
from libs.http import Command, Person, Reader, router
from libs.refusals import NotFound
from services.intake.api.shapes import CaseLine, CaseView
from services.intake.api.views import case_view, line
from services.intake.domain.items import Item, LocalText
from services.intake.domain.records import Case, State
from services.intake.handlers import answering, window
from services.intake.handlers.known import case_and_checks, the_case
from services.intake.messages.asked import (
    AcceptanceAsked,
    CorrectionAsked,
    CorrectionRequestAsked,
    DeclineAsked,
    DeliveryAsked,
    WithdrawalAsked,
)
from services.intake.storage import Proof, next_day_due, queries

cases = router()
PaperKind = Literal[
    "receipt", "notice", "acceptance", "decline", "opinion", "decision", "permit", "refusal", "bill"
]


class CaseList(BaseModel):
    """One page of cases, by next last day; ended ones come last."""

    cases: list[CaseLine]
    page: int
    pages: int
    total: int


class PaperView(BaseModel):
    """A signed paper with the proof that it is in the public log (null until it is)."""

    document: dict[str, Any]
    sha256: str
    proof: Proof | None


async def visible_case(reader: AsyncConnection, person: identity.Person, case_id: str) -> Case:
    """An own case, or any for a window officer; somebody else's looks exactly like a missing one."""
    case = await queries.case_of(reader, case_id)
    if case is None or not (person.may("window_officer") or case.belongs_to(person.sub)):
        raise NotFound()
    return case


async def item_of(reader: AsyncConnection, case: Case) -> Item:
    """The version the case was received under."""
    item = await queries.item_of(reader, case.item_code, case.item_version)
    if item is None:
        raise NotFound()
    return item


async def list_cases(
    request: Request, reader: AsyncConnection, *, sub: str | None, states: list[State] | None, q: str,
    page: int,
    size: int,
) -> CaseList:  # fmt: skip
    """One page of cases with what each waits for."""
    found = await queries.find_cases(reader, sub=sub, states=states, q=q, page=page, size=size)
    reviews = await queries.reviews_of_many(reader, [case.case_id for case in found.cases])
    names = await queries.names_of(reader, found.cases)
    now = request.app.state.clock.now()
    lines = []
    for case in found.cases:
        plain = LocalText(zh=case.item_code, en=case.item_code)
        name = names.get((case.item_code, case.item_version), plain)
        due_on = next_day_due(case)
        lines.append(line(case, name, due_on, [], reviews.get(case.case_id, []), now))
    return CaseList(cases=lines, page=found.page, pages=found.pages, total=found.total)


@cases.get("/cases")
async def get_cases(
    request: Request,
    person: Person,
    reader: Reader,
    state: Annotated[list[State] | None, Query()] = None,
    q: Annotated[str, Query(max_length=100)] = "",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> CaseList:
    """Own cases for applicants and agents, all for window officers."""
    sub = None if person.may("window_officer") else person.sub
    return await list_cases(request, reader, sub=sub, states=state, q=q, page=page, size=limit)


@cases.get("/cases/{case_id}")
async def get_case(case_id: str, request: Request, person: Person, reader: Reader) -> CaseView:
    """The whole case: what it waits for and why, every date explained, every paper with its proof."""
    case = await visible_case(reader, person, case_id)
    return await case_view(reader, case, await item_of(reader, case), request.app.state.clock.now())


@cases.get("/cases/{case_id}/documents/{kind}")
async def get_document(
    case_id: str, kind: PaperKind, person: Person, reader: Reader,
    department: Annotated[str | None, Query(max_length=64)] = None,
) -> PaperView:  # fmt: skip
    """The newest signed paper of that kind, exactly as signed, with its proof."""
    case = await visible_case(reader, person, case_id)
    found = await queries.document_of(reader, case_id, kind, department)
    if found is None:
        raise NotFound()
    document, sha256 = found
    proofs = await queries.proofs_of(reader, case, [sha256])
    event = case.decision.event_id if case.decision and case.decision.document_sha256 == sha256 else None
    proof = next((each for each in proofs if each.document_sha256 == sha256 or each.event_id == event), None)
    return PaperView(document=document, sha256=sha256, proof=proof)


@cases.post("/cases/{case_id}/correction-request", status_code=201)
async def post_correction_request(
    case_id: str, body: CorrectionRequestAsked, person: Person, command: Command
) -> Response:
    """The one-time notice (AL 32(1)(4)); 409 already_requested the second time."""
    return await command.run(
        lambda work: window.request_corrections(work, person, case_id, body),
        status=201,
        loads=case_and_checks(case_id),
    )


@cases.post("/cases/{case_id}/acceptance", status_code=201)
async def post_acceptance(case_id: str, body: AcceptanceAsked, person: Person, command: Command) -> Response:
    """Accept a complete or corrected application and send it to every planned department."""
    return await command.run(
        lambda work: window.accept_application(work, person, case_id),
        status=201,
        loads=case_and_checks(case_id),
    )


@cases.post("/cases/{case_id}/decline", status_code=201)
async def post_decline(case_id: str, body: DeclineAsked, person: Person, command: Command) -> Response:
    """Refuse at the window, with reasons and the right agency."""
    return await command.run(lambda work: window.decline_application(work, person, case_id, body), status=201)


@cases.post("/cases/{case_id}/correction", status_code=201)
async def post_correction(case_id: str, body: CorrectionAsked, person: Person, command: Command) -> Response:
    """Answer the notice: every listed defect, nothing else."""
    return await command.run(
        lambda work: answering.correct_application(work, person, case_id, body), status=201
    )


@cases.post("/cases/{case_id}/withdrawal", status_code=201)
async def post_withdrawal(case_id: str, body: WithdrawalAsked, person: Person, command: Command) -> Response:
    """Take the application back before the decision."""
    return await command.run(lambda work: answering.withdraw_application(work, person, case_id), status=201)


@cases.post("/cases/{case_id}/delivery", status_code=201)
async def post_delivery(case_id: str, body: DeliveryAsked, person: Person, command: Command) -> Response:
    """Note that the document is in the person's hands."""
    return await command.run(
        lambda work: answering.deliver_document(work, person, case_id), status=201, loads=the_case(case_id)
    )
