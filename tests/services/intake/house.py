"""Intake's deeds running in shared commits against a real database, with keys and a clock the tests hold."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.ext.asyncio import AsyncEngine

from libs import outbox
from libs.commits import Commits
from libs.database import open_engine
from libs.deeds import Deed
from libs.envelope import Event, instant, new_id
from libs.flow import FLOW
from libs.identity import Person
from libs.signatures import KeyDirectory, Signer, create_key, key_id_of
from libs.speaker import Speaker
from libs.work import House, Work
from services.intake.consumers import consumers
from services.intake.domain.records import Case
from services.intake.domain.reviews import Review
from services.intake.handlers import answering, applying, lapsing, window
from services.intake.handlers.settling import settle_cases
from services.intake.messages.asked import (
    ApplicationAsked,
    CorrectionAsked,
    CorrectionRequestAsked,
    DeclineAsked,
)
from services.intake.settings import IntakeSettings
from services.intake.storage import queries
from tests.services.intake.builders import CATALOGUE, FACTS, item

START = datetime(2026, 1, 5, 2, tzinfo=UTC)  # Monday, 10 o'clock in Shanghai
APPLICANT = Person("applicant-01", "applicant-01", frozenset({"applicant"}))
STRANGER = Person("applicant-02", "applicant-02", frozenset({"applicant"}))
OFFICER = Person("window-01", "window-01", frozenset({"window_officer"}))
DEPARTMENTS = ("urban_management", "traffic_police", "market", "fire", "water", "environment", "landscape",
               "government", "culture", "public_security", "health", "planning")  # fmt: skip


def _signer(issuer: str) -> Signer:
    key = Ed25519PrivateKey.generate()
    return Signer(key_id_of(key.public_key()), issuer, key)


SIGNERS = {f"review/{department}": _signer(f"review/{department}") for department in DEPARTMENTS}
SIGNERS |= {issuer: _signer(issuer) for issuer in ("fee", "disclosure")}
OFFICES = tuple(f"office_{number:02d}" for number in range(64))  # more departments than any item has
SIGNERS |= {f"review/{office}": _signer(f"review/{office}") for office in OFFICES}


@dataclass
class HeldClock:
    """A clock that stands until a test moves it."""

    at: datetime = START
    rate: float = 1.0

    def now(self) -> datetime:
        """The business instant."""
        return self.at


@dataclass
class KeptRows:
    """A relay that only keeps what it is offered."""

    rows: list[outbox.OutboxRow] = field(default_factory=list)

    def offer(self, rows: list[outbox.OutboxRow]) -> None:
        """Keep them."""
        self.rows.extend(rows)

    def take_confirmed(self) -> list[int]:
        """Nothing is ever confirmed."""
        return []

    def put_back(self, seqs: list[int]) -> None:
        """Nothing was taken."""

    def marked(self, seqs: list[int]) -> None:
        """Nothing was taken."""


@dataclass
class IntakeHouse:
    """Intake at work on one database."""

    engine: AsyncEngine
    commits: Commits
    clock: HeldClock
    settings: IntakeSettings
    keys: KeyDirectory

    async def do(self, deed: Callable[[Work], Awaitable[Any]]) -> Any:
        """A person's deed."""
        return await self.commits.do("deed", deed)

    async def hear(self, *events: Event) -> None:
        """Hear events, together in one shared transaction where they fit."""
        await asyncio.gather(*(self._submit(event) for event in events))

    def _submit(self, event: Event) -> asyncio.Future[Any]:
        async def run(work: Work) -> None:
            await consumers.dispatch(work, event)

        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        loads = consumers.loads(event)
        return self.commits.submit(Deed(event.type, run, done, event=event, loads=loads))

    async def upload(self, person: Person = APPLICANT, content: bytes = b"%PDF-1.7 plan") -> str:
        """Upload a file; its hash."""
        kept = await self.do(lambda work: applying.keep_material(work, person, content, "application/pdf"))
        return str(kept["sha256"])

    async def file(
        self, code: str = "road-occupation", *, person: Person = APPLICANT, leave_out: tuple[str, ...] = (),
        **facts: Any,
    ) -> str:  # fmt: skip
        """File an application (complete but for what is left out); the case id."""
        given = {key: value for key, value in {**FACTS[code], **facts}.items() if key not in leave_out}
        sha256 = await self.upload(person)
        listed = [
            {"code": each.code, "sha256": sha256, "name": f"{each.code}.pdf"}
            for each in item(code).materials
            if each.is_needed({**FACTS[code], **facts}) and each.code not in leave_out
        ]
        asked = ApplicationAsked.model_validate(
            {"item_code": code, "applicant": {"kind": "legal"}, "facts": given, "materials": listed}
        )
        answer = await self.do(lambda work: applying.file_application(work, person, asked))
        return str(answer["case_id"])

    async def accept(self, case_id: str) -> Any:
        """The window accepts."""
        return await self.do(lambda work: window.accept_application(work, OFFICER, case_id))

    async def accepted(self, code: str = "road-occupation", **facts: Any) -> str:
        """File and accept; the case id."""
        case_id = await self.file(code, **facts)
        await self.accept(case_id)
        return case_id

    async def request_correction(self, case_id: str, *defects: dict[str, str]) -> Any:
        """The window gives the one-time notice."""
        asked = CorrectionRequestAsked.model_validate({"defects": list(defects)})
        return await self.do(lambda work: window.request_corrections(work, OFFICER, case_id, asked))

    async def correct(self, case_id: str, person: Person = APPLICANT, **answer: Any) -> Any:
        """The applicant answers."""
        asked = CorrectionAsked.model_validate(answer)
        return await self.do(lambda work: answering.correct_application(work, person, case_id, asked))

    async def decline(self, case_id: str, **why: Any) -> Any:
        """The window declines."""
        asked = DeclineAsked.model_validate({"reason": "no permit is needed for this", **why})
        return await self.do(lambda work: window.decline_application(work, OFFICER, case_id, asked))

    async def withdraw(self, case_id: str, person: Person = APPLICANT) -> Any:
        """The applicant takes it back."""
        return await self.do(lambda work: answering.withdraw_application(work, person, case_id))

    async def deliver(self, case_id: str, person: Person = APPLICANT) -> Any:
        """The document is received."""
        return await self.do(lambda work: answering.deliver_document(work, person, case_id))

    async def lapse(self, at: datetime) -> int:
        """The clock reaches ``at`` and the timer looks."""
        self.clock.at = at
        return int(await self.do(lapsing.lapse_silence))

    async def case(self, case_id: str) -> Case:
        """The stored case."""
        async with self.engine.connect() as reader:
            found = await queries.case_of(reader, case_id)
        assert found is not None
        return found

    async def reviews(self, case_id: str) -> dict[str, Review]:
        """The stored reviews by department."""
        async with self.engine.connect() as reader:
            return {review.department: review for review in await queries.reviews_of(reader, case_id)}

    async def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        async with self.engine.connect() as connection:
            return [tuple(row) for row in await connection.exec_driver_sql(sql, values or None)]

    async def said(self, case_id: str) -> list[dict[str, Any]]:
        """The events intake said about a case, in order."""
        sql = "SELECT body FROM outbox WHERE subject = $1 ORDER BY seq"
        return [json.loads(row[0]) for row in await self.rows(sql, case_id)]

    async def names(self, case_id: str) -> list[str]:
        """Their short names, with the department each was sent to."""
        return [
            ".".join(filter(None, (each["type"].split(".")[1], each.get("department"))))
            for each in await self.said(case_id)
        ]

    async def waiting(self, case_id: str) -> tuple[int, list[str]]:
        """(parked, codes of what was set aside) about a case."""
        parked = await self.rows("SELECT count(*) FROM parked WHERE subject = $1", case_id)
        aside = await self.rows("SELECT code FROM set_aside WHERE subject = $1 ORDER BY code", case_id)
        return parked[0][0], [row[0] for row in aside]


@contextlib.asynccontextmanager
async def intake_house(url: str, folder: Path) -> AsyncIterator[IntakeHouse]:
    """Intake's shared commits, with settling, running against ``url``; its key lies in ``folder``."""
    engine = open_engine(url, "intake")
    clock, key_file = HeldClock(), folder / "intake.pem"
    own = create_key(key_file, "intake")
    settings = IntakeSettings(signing_key_file=key_file, reference_secret="test")
    entries = [signer.directory_entry() for signer in (own, *SIGNERS.values())]
    keys = KeyDirectory.from_entries(entries)
    parts = House(Speaker(FLOW, "intake", None), settings, own, keys)
    commits = Commits(engine, parts, clock, consumers.dispatch, KeptRows(), settle_cases)
    running = asyncio.create_task(commits.run())
    try:
        yield IntakeHouse(engine, commits, clock, settings, keys)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await engine.dispose()


async def publish_catalogue(house: IntakeHouse) -> None:
    """Disclosure says the shipped calendars and items."""
    events = []
    for path in sorted((CATALOGUE / "calendars").glob("*.yaml")):
        data = _plain(path)
        events.append(
            heard("disclosure", "disclosure.calendar_published.v1", f"calendar/{data['year']}", data)
        )
    for path in sorted((CATALOGUE / "items").glob("*.yaml")):
        data = _plain(path)
        name = "disclosure.service_item_published.v1"
        events.append(heard("disclosure", name, f"item/{data['item_code']}", data))
    await house.hear(*events)


def _plain(path: Path) -> dict[str, Any]:
    """A catalogue file as JSON would carry it."""
    loaded: dict[str, Any] = json.loads(json.dumps(yaml.safe_load(path.read_text("utf-8")), default=str))
    return loaded


def heard(source: str, name: str, subject: str, data: dict[str, Any], department: str | None = None) -> Event:
    """An event as intake hears it."""
    return Event(new_id(), name, source, START, subject, data, department=department)


def about(case: Case) -> dict[str, Any]:
    """What every event about a case begins with."""
    return {
        "application_no": case.application_no,
        "item_code": case.item_code,
        "item_version": case.item_version,
    }


def opinion(case: Case, department: str, outcome: str = "consent", **changes: Any) -> Event:
    """A department's signed opinion. ``signed`` changes the signed text, ``signer`` who signs, ``source`` who says."""
    reasons = [{"condition": None, "text": "the way is too narrow", "article": "art. 32"}]
    said = {
        "department": department, "outcome": outcome, "reasons": reasons if outcome == "object" else [],
        "conditions": ["keep 2 m free"] if outcome == "consent_with_conditions" else [],
    }  # fmt: skip
    text = {**about(case), "case_id": case.case_id, **said, **changes.get("signed", {})}
    signer = SIGNERS[changes.get("signer", f"review/{department}")]
    document = signer.sign(changes.get("kind", "opinion"), text)
    data = {**about(case), **said, "given_at": instant(START), "opinion": document.model_dump()}
    source = changes.get("source", f"review/{department}")
    return heard(source, "review.opinion_given.v1", case.case_id, data, department)


def decision(case: Case, kind: str = "granted", department: str | None = None, **changes: Any) -> Event:
    """The lead's signed decision."""
    lead = department or (case.acceptance.lead if case.acceptance else "")
    reasons = [{"condition": "traffic-kept-safe", "text": "pedestrians cannot pass", "article": "art. 32"}]
    said = {
        "department": lead, "decision": kind, "reasons": reasons if kind == "refused" else [], "conditions": [],
    }  # fmt: skip
    text = {**about(case), "case_id": case.case_id, **said, **changes.get("signed", {})}
    document = SIGNERS[f"review/{lead}"].sign("decision", text)
    data = {
        **about(case), **said, "answers": changes.get("answers", []), "decided_at": instant(START),
        "decision_document": document.model_dump(),
    }  # fmt: skip
    if "reasons" in changes:
        data["reasons"] = changes["reasons"]
    return heard(f"review/{lead}", "review.decision_made.v1", case.case_id, data, lead)


def defects(case: Case, department: str, *targets: str) -> Event:
    """A department's findings."""
    listed = [
        {
            "no": number,
            "target": target,
            "what": f"{target} unclear",
            "article": "art. 9",
            "found_by": department,
        }
        for number, target in enumerate(targets, start=1)
    ]
    data = {**about(case), "department": department, "defects": listed, "reported_at": instant(START)}
    return heard(f"review/{department}", "review.defects_reported.v1", case.case_id, data, department)


def charge(case: Case, total_fen: int = 1_080_000, bill_no: str = "B-2026-000001") -> Event:
    """Fee assesses the charge."""
    bill = SIGNERS["fee"].sign("bill", {"case_id": case.case_id, "bill_no": bill_no, "total_fen": total_fen})
    data = {
        **about(case), "bill_no": bill_no, "total_fen": total_fen, "assessed_at": instant(START),
        "bill": bill.model_dump(),
    }  # fmt: skip
    return heard("fee", "fee.charge_assessed.v1", case.case_id, data)


def payment(case: Case, amount_fen: int = 1_080_000, bill_no: str = "B-2026-000001") -> Event:
    """Fee has the money."""
    data = {
        **about(case), "bill_no": bill_no, "amount_fen": amount_fen,
        "received_at": instant(START + timedelta(hours=1)),
    }  # fmt: skip
    return heard("fee", "fee.payment_received.v1", case.case_id, data)
