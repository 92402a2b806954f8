"""I3 applied once, I4 honest answers, I5 one effect per client key: by counting what each service keeps."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from deploy.audit.report import Finding
from deploy.audit.snapshot import Books, Snapshot
from libs.flow import Flow

# What may be said at most once about a case (by one source): its effect exists once or not at all.
ONCE_PER_CASE = (
    "intake.application_received.v1",
    "intake.correction_requested.v1",
    "intake.application_corrected.v1",
    "intake.application_declined.v1",
    "intake.application_accepted.v1",
    "intake.decision_due.v1",
    "intake.decision_made.v1",
    "intake.permit_issued.v1",
    "intake.refusal_issued.v1",
    "intake.document_delivered.v1",
    "intake.application_withdrawn.v1",
    "review.defects_reported.v1",
    "review.opinion_given.v1",
    "review.decision_made.v1",
    "fee.charge_assessed.v1",
    "fee.payment_received.v1",
    "fee.charge_cancelled.v1",
)
ONCE_PER_CASE_AND_DEPARTMENT = (
    "intake.completeness_check_requested.v1",
    "intake.review_requested.v1",
    "intake.review_released.v1",
    "intake.review_closed.v1",
)


def applied_once(snapshot: Snapshot, flow: Flow) -> Finding:
    """One effect per event: inbox rows are unique, and what each service made of them exists exactly once."""
    finding = Finding("I3", "every event took effect once")
    for books in snapshot.books.values():
        finding.count("inbox rows", len(books.inbox))
        for identity in _repeated(row.identity for row in books.inbox):
            finding.breach(f"{books.name} heard {identity[0]}:{identity[1][:12]} twice")
        for identity in _repeated(event.identity for event in books.outbox):
            finding.breach(f"{books.name} said {identity[0]}:{identity[1][:12]} twice")
    _once_per_case(finding, snapshot)
    _same_rows(finding, snapshot, "supervision", "cards", "card_no", "supervision.card_issued.v1")
    _same_rows(finding, snapshot, "supervision", "findings", "finding_no", "supervision.finding_issued.v1")
    _same_rows(finding, snapshot, "fee", "bills", "bill_no", "fee.charge_assessed.v1")
    _same_rows(finding, snapshot, "fee", "settlements", "bill_no", "fee.payment_received.v1")
    _same_rows(finding, snapshot, "fee", "cancellations", "bill_no", "fee.charge_cancelled.v1")
    _records_of_cases(finding, snapshot)
    return finding


def _once_per_case(finding: Finding, snapshot: Snapshot) -> None:
    per_case = snapshot.of_type(*ONCE_PER_CASE)
    once = Counter((each.type, each.source, each.subject, "") for each in per_case)
    per_department = snapshot.of_type(*ONCE_PER_CASE_AND_DEPARTMENT)
    once += Counter((each.type, each.source, each.subject, str(each.department)) for each in per_department)
    finding.count("single effects", len(once))
    for (event_type, source, subject, _), number in once.items():
        finding.expect(number == 1, f"{source} said {event_type} {number} times about {subject[:12]}")


def _same_rows(
    finding: Finding, snapshot: Snapshot, name: str, table: str, column: str, event_type: str
) -> None:
    """A table's rows and the events that tell of them are the same set, each once."""
    books = snapshot.books.get(name)
    if books is None:
        return
    kept = Counter(row[column] for row in books.rows(table))
    told = Counter(event.data[column] for event in books.outbox if event.type == event_type)
    finding.count(f"{table}", len(kept))
    for number in sorted((kept - told) | (told - kept)):
        finding.breach(f"{name}: {column} {number} kept {kept[number]} times, told {told[number]} times")


def _records_of_cases(finding: Finding, snapshot: Snapshot) -> None:
    """Each service that follows cases has one record per case it must know, and none besides."""
    received = {event.subject for event in snapshot.of_type("intake.application_received.v1")}
    for name, table in (("intake", "cases"), ("supervision", "cases")):
        books = snapshot.books.get(name)
        if books is not None:
            _same_set(finding, books, table, received)
    for books in snapshot.books.values():
        if books.service == "review":
            asked = {
                row.subject for row in books.inbox
                if row.type in ("intake.completeness_check_requested.v1", "intake.review_requested.v1")
            }  # fmt: skip
            _same_set(finding, books, "tasks", asked)


def _same_set(finding: Finding, books: Books, table: str, wanted: set[str]) -> None:
    if table not in books.tables:
        finding.breach(f"{books.name} has no table {table}")
        return
    kept = {row["case_id"] for row in books.rows(table)}
    finding.count("records of cases", len(kept))
    for case_id in sorted(kept ^ wanted):
        which = "is kept but was never" if case_id in kept else "is not kept but was"
        finding.breach(f"{books.name}: case {case_id[:12]} {which} told about")


def honest_answers(snapshot: Snapshot, flow: Flow) -> Finding:
    """What a person was answered is there: a stored answer of success names something that exists."""
    finding = Finding("I4", "answers tell what is so")
    papers = {paper for event in snapshot.events for paper in _papers(event.data)}
    subjects = {event.subject for event in snapshot.events}
    for books in snapshot.books.values():
        kept = subjects | {str(row["case_id"]) for row in books.rows("cases") if "case_id" in row}
        for answer in books.answers:
            finding.count("answers")
            if answer.status >= 400:
                continue
            for case_id in filter(_is_case_id, {answer.subject, _case_id(answer.body)}):
                told = f"{books.name} answered {answer.actor} about {case_id}, which is not there"
                finding.expect(case_id in kept, told)
            for paper in _papers(_read(answer.body)):
                finding.count("papers handed out")
                told = f"{books.name} answered {answer.actor} with a paper that nobody said"
                finding.expect(paper in papers, told)
    return finding


def _papers(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(exact text, signature) of the signed papers among the members."""
    for member in told.values():
        if isinstance(member, dict) and "signature" in member and "body" in member:
            yield member["body"], member["signature"]


def _read(body: str) -> Mapping[str, Any]:
    """A stored answer as an object; empty when it is none."""
    try:
        told = json.loads(body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _is_case_id(subject: str | None) -> bool:
    """Cases are named by 32 hex digits; publications and materials are not cases."""
    return subject is not None and re.fullmatch("[0-9a-f]{32}", subject) is not None


def _case_id(body: str) -> str | None:
    found = _read(body).get("case_id")
    return found if isinstance(found, str) else None


def one_effect_per_client_key(snapshot: Snapshot, flow: Flow) -> Finding:
    """A client's key carries one request with one answer; every received application was asked for once."""
    finding = Finding("I5", "one effect per client key")
    for books in snapshot.books.values():
        finding.count("client keys", len(books.answers))
        for actor, key in _repeated((answer.actor, answer.client_key) for answer in books.answers):
            finding.breach(f"{books.name} answered {actor} twice under the key {key[:12]}")
    intake = snapshot.books.get("intake")
    if intake is not None:
        created = Counter(_created(answer.body) for answer in intake.answers if answer.status == 201)
        for event in intake.outbox:
            if event.type == "intake.application_received.v1":
                finding.count("applications")
                number = created[event.data["application_no"]]
                finding.expect(number == 1, f"{number} answers created {event.data['application_no']}")
    return finding


def _created(body: str) -> str | None:
    """The application number an answer hands out with its voucher of receipt."""
    told = _read(body)
    return str(told.get("application_no")) if told.get("state") == "received" else None


def _repeated(identities: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [identity for identity, number in Counter(identities).items() if number > 1]
