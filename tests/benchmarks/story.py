"""The standard workload told in the project's own terms: a story of two events, two kinds of house, their deeds.

A case is accepted, N departments decide it durably, each in its own database, and the window decides the case
once nothing is open any more. Everything below the deeds is the product's: `Work`, `Commits`, `Relay`,
`Listener`, `Speaker` with checked schemas, outbox and inbox.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel
from pydantic_core import to_json

from libs import contracts
from libs.consumer import Consumers
from libs.envelope import Event
from libs.flow import Flow
from libs.inbox import inbox_tables
from libs.outbox import outbox_table
from libs.records import Records, metadata
from libs.work import Place, Work

ACCEPTED, FORMED = "intake.case_accepted.v1", "review.opinion_formed.v1"
INSTANT = sa.TIMESTAMP(timezone=True)
STORY = Flow(
    {
        "exchange": "permit",
        "dead_letter_exchange": "permit.dead",
        "delivery_limit": 20,
        "max_length": 200_000,
        "max_message_bytes": 262_144,
        "services": {"intake": {"per": "center"}, "review": {"per": "department"}},
        "clocks": {},
        "steps": [
            {
                "step": "1",
                "event": ACCEPTED,
                "said_by": "intake",
                "heard_by": ["review"],
                "law": [],
                "next": [],
            },
            {
                "step": "2",
                "event": FORMED,
                "said_by": "review",
                "heard_by": ["intake"],
                "law": [],
                "next": [],
            },
        ],
    }
)
_TEXT = {"type": "string", "minLength": 1, "maxLength": 2000}
_AT = {
    "type": "string",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z$",
}


def _object(**members: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(members), "properties": members}


SCHEMAS = {
    ACCEPTED: _object(
        application_no={"type": "string", "pattern": "^AL-[0-9]{4}-[0-9]{6,}$"},
        item_code=_TEXT,
        accepted_at=_AT,
        applicant=_object(name=_TEXT, id_number=_TEXT, address=_TEXT, phone=_TEXT),
        facts=_object(place=_TEXT, purpose=_TEXT, area_m2={"type": "integer", "minimum": 1}),
        materials={"type": "array", "items": _object(name=_TEXT, sha256=_TEXT)},
    ),
    FORMED: _object(
        application_no=_TEXT,
        department=_TEXT,
        outcome={"enum": ["consent", "object"]},
        reasons={"type": "array", "items": _object(text=_TEXT, article=_TEXT)},
        formed_at=_AT,
    ),
}


class Applicant(BaseModel):
    """Who applies."""

    name: str
    id_number: str
    address: str
    phone: str


class Facts(BaseModel):
    """What is applied for."""

    place: str
    purpose: str
    area_m2: int


class Material(BaseModel):
    """A paper handed in."""

    name: str
    sha256: str


class Reason(BaseModel):
    """Why."""

    text: str
    article: str


class SaidAccepted(BaseModel):
    """What the window says: the whole application, to all departments."""

    application_no: str
    item_code: str
    accepted_at: datetime
    applicant: Applicant
    facts: Facts
    materials: list[Material]


class SaidFormed(BaseModel):
    """What a department says."""

    application_no: str
    department: str
    outcome: str
    reasons: list[Reason]
    formed_at: datetime


class CaseAccepted(BaseModel):
    """What a department understands of an acceptance."""

    application_no: str
    item_code: str
    accepted_at: datetime
    applicant: Applicant
    facts: dict[str, Any]


class OpinionFormed(BaseModel):
    """What the window understands of an opinion."""

    application_no: str
    department: str
    outcome: str
    formed_at: datetime


class Case(BaseModel, frozen=True):
    """The window's record of a case."""

    case_id: str
    state: str
    submitted_at: datetime
    outcome: str | None = None


INTAKE = metadata()
outbox_table(INTAKE)
inbox_tables(INTAKE)
CASES = Records(
    "cases", Case, key=("case_id",), metadata=INTAKE,
    columns={"submitted_at": (INSTANT, lambda case: case.submitted_at)},
)  # fmt: skip
WAITED_FOR = sa.Table(  # whose opinion is missing: a row goes when the opinion is stored
    "waited_for",
    INTAKE,
    sa.Column("case_id", sa.Text, primary_key=True),
    sa.Column("department", sa.Text, primary_key=True),
)
OPINIONS = sa.Table(
    "opinions",
    INTAKE,
    sa.Column("case_id", sa.Text, primary_key=True),
    sa.Column("department", sa.Text, primary_key=True),
    sa.Column("outcome", sa.Text, nullable=False),
)
# One statement for all opinions of a commit, whose rows it names: nothing is looked through.
_CLOSE = (
    """CREATE FUNCTION close_waited_for() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$ BEGIN
    DELETE FROM waited_for w USING stored s WHERE w.case_id = s.case_id AND w.department = s.department;
    RETURN NULL; END $$""",
    "CREATE TRIGGER opinions_close AFTER INSERT ON opinions REFERENCING NEW TABLE AS stored "
    "FOR EACH STATEMENT EXECUTE FUNCTION close_waited_for()",
)
for _statement in _CLOSE:
    sa.event.listen(OPINIONS, "after_create", sa.DDL(_statement))
APPLICATIONS = sa.Table(
    "applications",
    INTAKE,
    sa.Column("case_id", sa.Text, primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
)
DECIDED = sa.Table(  # no unique key: a case decided twice must show
    "decided", INTAKE,
    sa.Column("seq", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("case_id", sa.Text, nullable=False),
    sa.Column("departments", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("decided_at", INSTANT, nullable=False, server_default=sa.func.clock_timestamp()),
)  # fmt: skip
REVIEW = metadata()
outbox_table(REVIEW)
inbox_tables(REVIEW)
DECISIONS = sa.Table(  # no unique key either
    "decisions", REVIEW,
    sa.Column("seq", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("case_id", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("applicant", sa.Text, nullable=False),
    sa.Column("formed_at", INSTANT, nullable=False),
)  # fmt: skip

# What is stored of the opinions on these cases, once nobody is missing but those who are given beside each case
# (departments, joined by commas): a case waits as long as a row of ``waited_for`` says so.
_COMPLETE = sa.text(
    "SELECT n.case_id, o.departments, o.consent "
    "FROM unnest(CAST(:cases AS text[]), CAST(:given AS text[])) AS n(case_id, given) "
    "CROSS JOIN LATERAL (SELECT string_agg(department, ',') AS departments, "
    "bool_and(outcome = 'consent') AS consent FROM opinions o WHERE o.case_id = n.case_id) AS o "
    "WHERE NOT EXISTS (SELECT FROM waited_for w WHERE w.case_id = n.case_id "
    "AND NOT w.department = ANY(string_to_array(n.given, ',')))"
)


def check_against_own_schemas() -> None:
    """The speaker checks what is said, against the two schemas of this story."""
    contracts.schema = SCHEMAS.__getitem__


def opinion_of(case_id: str, department: str) -> str:
    """What a department says of a case: the checker knows it too. One case in 64 or so is objected to."""
    digest = hashlib.sha256(f"{case_id}/{department}".encode()).digest()
    return "object" if digest[0] < 4 else "consent"


def application(number: int) -> dict[str, Any]:
    """An application of about 1.1 KiB, its own for every number."""
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    return {
        "application_no": f"AL-2026-{number:06d}",
        "item_code": "road-occupation",
        "applicant": {
            "name": f"Applicant {number}", "id_number": digest[:18], "phone": f"138{number:08d}",
            "address": f"No. {number % 900}, Bridge Street, {digest[:12]}",
        },
        "facts": {
            "place": f"Bridge Street {number % 77}, {digest[12:36]}", "area_m2": 5 + number % 95,
            "purpose": f"Scaffolding for repairs of the front, section {digest[36:44]}, " + "as drawn. " * 12,
        },
        "materials": [{"name": f"Drawing {i}", "sha256": hashlib.sha256(f"{number}/{i}".encode()).hexdigest()}
                      for i in range(5)],
    }  # fmt: skip


async def accept_case(
    work: Work, case_id: str, number: int, departments: list[str], submitted_at: datetime
) -> None:
    """The window accepts: the case, what it waits for, and one event to all departments."""
    content = application(number)
    said = SaidAccepted.model_validate({**content, "accepted_at": work.now})
    work.put(CASES, Case(case_id=case_id, state="accepted", submitted_at=submitted_at))
    for department in departments:
        work.add(WAITED_FOR, case_id=case_id, department=department)
    work.add(APPLICATIONS, case_id=case_id, body=to_json(content).decode())
    work.say(ACCEPTED, case_id, said)


def department_ears(department: str) -> Consumers:
    """A department hears of a case, decides it durably, and says so."""
    consumers = Consumers()

    @consumers.on(ACCEPTED, CaseAccepted)
    async def on_accepted(work: Work, event: Event, data: CaseAccepted) -> None:
        outcome = opinion_of(event.subject, department)
        work.add(
            DECISIONS,
            case_id=event.subject,
            outcome=outcome,
            applicant=data.applicant.name,
            formed_at=work.now,
        )
        reason = Reason(text="The drawings satisfy the published conditions.", article="AL 34")
        said = SaidFormed(
            application_no=data.application_no, department=department, outcome=outcome, reasons=[reason],
            formed_at=work.now,
        )  # fmt: skip
        work.say(FORMED, event.subject, said)

    return consumers


def _wanted(event: Event) -> list[Place]:
    return [(CASES, (event.subject,))]


def window_ears() -> Consumers:
    """The window hears opinions and stores each."""
    consumers = Consumers()

    @consumers.on(FORMED, OpinionFormed, loads=_wanted)
    async def on_formed(work: Work, event: Event, data: OpinionFormed) -> None:
        await work.need(CASES, event.subject)  # and locks it
        work.add(OPINIONS, case_id=event.subject, department=data.department, outcome=data.outcome)

    return consumers


async def settle_cases(work: Work, subjects: list[str]) -> None:
    """Level-triggered fan-in, linear in departments: is anybody missing? If not, gather once and decide.

    The case's row is locked since the opinion was heard: of two replicas that store the last two opinions the
    second sees what the first has stored. Who is missing lies in a small table, so that the question costs the same
    however many departments have answered; what this transaction is going to store is told along.
    """
    fresh = {case.case_id for case in work.staged(CASES)}  # accepted just now: nobody can have answered
    asked = [(subject,) for subject in subjects if subject not in fresh]
    waiting = {case.case_id: case for case in await work.load(CASES, asked) if case.state == "accepted"}
    if not waiting:
        return
    given: dict[str, list[dict[str, Any]]] = {case_id: [] for case_id in waiting}
    for row in work.added(OPINIONS):
        if row["case_id"] in given:
            given[row["case_id"]].append(row)
    by_case = [",".join(row["department"] for row in rows) for rows in given.values()]
    for found in await work.stored(_COMPLETE, cases=list(given), given=by_case):
        rows = given[found.case_id]
        departments = [row["department"] for row in rows] + (found.departments or "").split(",")
        consent = all(row["outcome"] == "consent" for row in rows) and found.consent is not False
        outcome = "granted" if consent else "refused"
        case = waiting[found.case_id].model_copy(update={"state": "decided", "outcome": outcome})
        work.put(CASES, case)
        by = ",".join(sorted(filter(None, departments)))
        work.add(DECIDED, case_id=case.case_id, departments=by, outcome=outcome)
