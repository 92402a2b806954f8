"""The door for programs: what supervisors and auditors may search, and figures for everybody."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Generic, TypeVar

from fastapi import Query, Request
from pydantic import BaseModel

from libs.http import Person, Reader, router
from libs.refusals import NotFound
from services.supervision import storage
from services.supervision.domain.case_file import CaseFile

api = router()
R = TypeVar("R")


class Listed(BaseModel, Generic[R]):
    """One page of a list; ``total`` counts all pages."""

    rows: list[R]
    total: int
    page: int
    limit: int


class HappeningView(BaseModel):
    """One event about a case, without what it carried."""

    type: str
    source: str
    id: str
    at: datetime
    department: str | None


class CaseView(BaseModel):
    """A case as supervision sees it: what happened, its clocks, its cards, its findings."""

    case_id: str
    application_no: str
    item_code: str
    item_version: int
    state: str
    happenings: list[HappeningView]
    clocks: list[storage.ClockRow]
    cards: list[storage.CardRow]
    findings: list[storage.FindingRow]


class Statistics(BaseModel):
    """Public figures at one business instant."""

    at: datetime
    totals: storage.Totals
    departments: list[storage.DepartmentRow]
    months: list[storage.MonthRow]


@api.get("/clocks")
async def get_clocks(
    search: Annotated[storage.ClockSearch, Query()], request: Request, person: Person, reader: Reader
) -> Listed[storage.ClockRow]:
    """Every clock, the earliest due first."""
    now = request.app.state.clock.now()
    rows = await storage.find_clocks(reader, search, now)
    total = await storage.count_clocks(reader, search, now)
    return Listed(rows=rows, total=total, page=search.page, limit=search.limit)


@api.get("/cards")
async def get_cards(
    search: Annotated[storage.CardSearch, Query()], person: Person, reader: Reader
) -> Listed[storage.CardRow]:
    """Every card, newest first."""
    rows, total = await storage.find_cards(reader, search), await storage.count_cards(reader, search)
    return Listed(rows=rows, total=total, page=search.page, limit=search.limit)


@api.get("/findings")
async def get_findings(
    search: Annotated[storage.FindingSearch, Query()], person: Person, reader: Reader
) -> Listed[storage.FindingRow]:
    """Every finding, newest first."""
    rows, total = await storage.find_findings(reader, search), await storage.count_findings(reader, search)
    return Listed(rows=rows, total=total, page=search.page, limit=search.limit)


@api.get("/cases")
async def get_cases(
    search: Annotated[storage.CaseSearch, Query()], person: Person, reader: Reader
) -> Listed[storage.CaseRow]:
    """Every case supervision follows, by number."""
    rows, total = await storage.find_cases(reader, search), await storage.count_cases(reader, search)
    return Listed(rows=rows, total=total, page=search.page, limit=search.limit)


@api.get("/cases/{case_id}")
async def get_case(case_id: str, person: Person, reader: Reader) -> CaseView:
    """One case with its event chain, clocks, cards and findings."""
    case = await storage.read_case(reader, case_id)
    if case is None:
        raise NotFound()
    return CaseView(
        case_id=case.case_id,
        application_no=case.application_no,
        item_code=case.item_code,
        item_version=case.item_version,
        state=case.state,
        happenings=_chain(case),
        clocks=await storage.clocks_of_case(reader, case_id),
        cards=await storage.cards_of_case(reader, case_id),
        findings=await storage.findings_of_case(reader, case_id),
    )


def _chain(case: CaseFile) -> list[HappeningView]:
    return [
        HappeningView(type=each.type, source=each.source, id=each.id, at=each.at, department=each.department)
        for each in case.happenings
    ]


@api.get("/statistics")
async def get_statistics(request: Request, reader: Reader) -> Statistics:
    """Figures by department and month; nothing in them names a case."""
    now = request.app.state.clock.now()
    return Statistics(
        at=now,
        totals=await storage.totals(reader, now),
        departments=await storage.by_department(reader, now),
        months=await storage.by_month(reader),
    )
