"""Each invariant of the audit: the recorded center is clean, and every planted breach is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from deploy.audit import Snapshot, judge
from deploy.audit.snapshot import Answered, Heard, Said
from libs.flow import FLOW
from tests.audit.center import NOW, recorded

GRANTED, PAID, SILENT, REFUSED, WITHDRAWN, DECLINED, OPEN = (f"{n:02x}" * 16 for n in range(1, 8))
OPINION = "review.opinion_given.v1"
Plant = Callable[[Snapshot], None]


def change(snapshot: Snapshot, name: str, event_type: str, case_id: str, **changes: Any) -> Said:
    """One event of one database said differently: its time, its source, or members of its data."""
    outbox = snapshot.books[name].outbox
    position, event = find(snapshot, name, event_type, case_id)
    attributes = {key: changes.pop(key) for key in list(changes) if key in ("time", "source", "sent")}
    outbox[position] = replace(event, data={**event.data, **changes}, **attributes)
    return outbox[position]


def find(snapshot: Snapshot, name: str, event_type: str, case_id: str) -> tuple[int, Said]:
    """Where an event stands in an outbox."""
    return next(
        (position, event)
        for position, event in enumerate(snapshot.books[name].outbox)
        if event.type == event_type and event.subject == case_id
    )


def drop(snapshot: Snapshot, name: str, event_type: str, case_id: str) -> None:
    """An event that was never said, and so never heard."""
    position, event = find(snapshot, name, event_type, case_id)
    del snapshot.books[name].outbox[position]
    for books in snapshot.books.values():
        books.inbox[:] = [row for row in books.inbox if row.identity != event.identity]


def again(snapshot: Snapshot, name: str, event_type: str, case_id: str, **changes: Any) -> None:
    """A second event like the first, delivered to whoever heard the first."""
    _, event = find(snapshot, name, event_type, case_id)
    second = replace(event, id="f" * 32, seq=event.seq + 1000, data={**event.data, **changes})
    snapshot.books[name].outbox.append(second)
    for books in snapshot.books.values():
        if any(row.identity == event.identity for row in books.inbox):
            books.inbox.append(Heard(second.source, second.id, second.type, second.subject))


def rows(snapshot: Snapshot, name: str, table: str) -> list[dict[str, Any]]:
    """A table of one database."""
    return snapshot.books[name].tables[table]


def lost(snapshot: Snapshot) -> None:
    snapshot.books["review.planning"].inbox.pop()


def lost_by_supervision(snapshot: Snapshot) -> None:
    snapshot.books["supervision"].inbox.pop(5)


def spoke_as_another(snapshot: Snapshot) -> None:
    change(snapshot, "review.market", OPINION, GRANTED, source="review/planning")


def phantom(snapshot: Snapshot) -> None:
    snapshot.books["fee"].inbox.append(Heard("intake", "e" * 32, "intake.application_accepted.v1", PAID))


def misdelivered(snapshot: Snapshot) -> None:
    _, event = find(snapshot, "intake", "intake.decision_due.v1", GRANTED)
    snapshot.books["review.planning"].inbox.append(Heard(event.source, event.id, event.type, event.subject))


def heard_twice(snapshot: Snapshot) -> None:
    snapshot.books["fee"].inbox.append(snapshot.books["fee"].inbox[0])


def applied_twice(snapshot: Snapshot) -> None:
    again(snapshot, "review.market", OPINION, GRANTED)


def bill_without_word(snapshot: Snapshot) -> None:
    bill = {"bill_no": "B-2026-000099", "case_id": GRANTED, "total_fen": 1}
    rows(snapshot, "fee", "bills").append(bill)


def card_without_word(snapshot: Snapshot) -> None:
    rows(snapshot, "supervision", "cards").append({"card_no": "C-2026-000099", "case_id": GRANTED})


def task_lost(snapshot: Snapshot) -> None:
    rows(snapshot, "review.pipelines", "tasks").clear()


def answered_about_nothing(snapshot: Snapshot) -> None:
    body = json.dumps({"case_id": "9" * 32})
    snapshot.books["intake"].answers.append(Answered("applicant-02", "key-lost-1", 201, body, None))


def answered_with_another_paper(snapshot: Snapshot) -> None:
    first = snapshot.books["intake"].answers[0]
    snapshot.books["intake"].answers[0] = replace(first, body=first.body.replace("received", "receivef", 4))


def answer_missing(snapshot: Snapshot) -> None:
    snapshot.books["intake"].answers.pop()


def key_answered_twice(snapshot: Snapshot) -> None:
    snapshot.books["intake"].answers.append(snapshot.books["intake"].answers[0])


def one_application_created_twice(snapshot: Snapshot) -> None:
    first = snapshot.books["intake"].answers[0]
    snapshot.books["intake"].answers.append(replace(first, client_key="key-other-1"))


def opinion_missing(snapshot: Snapshot) -> None:
    drop(snapshot, "review.planning", OPINION, REFUSED)


def opinion_unplanned(snapshot: Snapshot) -> None:
    paper = find(snapshot, "review.planning", OPINION, REFUSED)[1]
    foreign = replace(paper, source="review/landscape", id="d" * 32, department="landscape")
    snapshot.books["review.landscape"].outbox.append(foreign)


def opinion_forged(snapshot: Snapshot) -> None:
    _, event = find(snapshot, "review.pipelines", OPINION, REFUSED)
    paper = {**event.data["opinion"], "body": event.data["opinion"]["body"].replace("object", "consent")}
    change(snapshot, "review.pipelines", OPINION, REFUSED, opinion=paper)


def opinion_says_other_than_its_paper(snapshot: Snapshot) -> None:
    change(snapshot, "review.pipelines", OPINION, REFUSED, outcome="consent")


def opinion_signed_by_another(snapshot: Snapshot) -> None:
    _, other = find(snapshot, "review.planning", OPINION, REFUSED)
    change(snapshot, "review.pipelines", OPINION, REFUSED, opinion=other.data["opinion"])


def plan_shortened(snapshot: Snapshot) -> None:
    _, event = find(snapshot, "intake", "intake.application_accepted.v1", REFUSED)
    change(snapshot, "intake", event.type, REFUSED, plan=event.data["plan"][:-1])


def decided_early(snapshot: Snapshot) -> None:
    _, event = find(snapshot, "review.urban_management", "review.decision_made.v1", REFUSED)
    change(snapshot, "review.urban_management", event.type, REFUSED, time=event.time - timedelta(hours=7))


def issued_early(snapshot: Snapshot) -> None:
    _, event = find(snapshot, "intake", "intake.permit_issued.v1", PAID)
    change(snapshot, "intake", event.type, PAID, time=event.time - timedelta(days=2))


def opinion_after_the_outcome(snapshot: Snapshot) -> None:
    change(snapshot, "review.pipelines", OPINION, REFUSED, time=NOW)


def granted_over_an_objection(snapshot: Snapshot) -> None:
    change(snapshot, "review.urban_management", "review.decision_made.v1", REFUSED, decision="granted")


def consented_over_an_objection(snapshot: Snapshot) -> None:
    change(snapshot, "review.planning", OPINION, SILENT, outcome="object")


def decided_by_a_stranger(snapshot: Snapshot) -> None:
    change(snapshot, "review.market", "review.decision_made.v1", GRANTED, source="review/planning")


def refused_without_reasons(snapshot: Snapshot) -> None:
    change(snapshot, "review.urban_management", "review.decision_made.v1", REFUSED, reasons=[])


def acceptance_left_out(snapshot: Snapshot) -> None:
    drop(snapshot, "intake", "intake.application_accepted.v1", WITHDRAWN)


def accepted_after_withdrawal(snapshot: Snapshot) -> None:
    again(snapshot, "intake", "intake.application_accepted.v1", WITHDRAWN)


def supervision_copy_short(snapshot: Snapshot) -> None:
    rows(snapshot, "supervision", "happenings").pop()


def ledger_unbalanced(snapshot: Snapshot) -> None:
    rows(snapshot, "fee", "ledger_entries")[0]["amount_fen"] += 1


def overcharged(snapshot: Snapshot) -> None:
    change(snapshot, "fee", "fee.charge_assessed.v1", PAID, total_fen=1775100)


def another_tariff(snapshot: Snapshot) -> None:
    change(snapshot, "fee", "fee.charge_assessed.v1", PAID, tariff_version=2)


def billed_without_a_published_charge(snapshot: Snapshot) -> None:
    _, bill = find(snapshot, "fee", "fee.charge_assessed.v1", PAID)
    about = {"application_no": "AL-2026-000001", "item_code": "food-service"}
    snapshot.books["fee"].outbox.append(
        replace(bill, id="c" * 32, subject=GRANTED, data={**bill.data, **about})
    )


def billed_twice(snapshot: Snapshot) -> None:
    again(snapshot, "fee", "fee.charge_assessed.v1", PAID, bill_no="B-2026-000002")


def settled_twice(snapshot: Snapshot) -> None:
    rows(snapshot, "fee", "settlements").append(rows(snapshot, "fee", "settlements")[0])


def paid_into_another_account(snapshot: Snapshot) -> None:
    for entry in rows(snapshot, "fee", "ledger_entries"):
        entry["account_no"] = entry["account_no"].replace("treasury", "urban_management")


def permit_unpaid(snapshot: Snapshot) -> None:
    _, payment = find(snapshot, "fee", "fee.payment_received.v1", PAID)
    change(snapshot, "fee", payment.type, PAID, time=payment.time + timedelta(hours=1))


def due_date_wrong(snapshot: Snapshot) -> None:
    _, event = find(snapshot, "intake", "intake.application_received.v1", OPEN)
    clock = {**event.data["clock"], "due_on": "2026-01-16"}
    change(snapshot, "intake", event.type, OPEN, clock=clock)


def limit_unpublished(snapshot: Snapshot) -> None:
    _, event = find(snapshot, "intake", "intake.review_released.v1", OPEN)
    change(snapshot, "intake", event.type, OPEN, clock={**event.data["clock"], "limit_wd": 9})


def card_missing(snapshot: Snapshot) -> None:
    drop(snapshot, "supervision", "supervision.card_issued.v1", REFUSED)


def card_twice(snapshot: Snapshot) -> None:
    again(snapshot, "supervision", "supervision.card_issued.v1", REFUSED)


def card_without_crossing(snapshot: Snapshot) -> None:
    again(snapshot, "supervision", "supervision.card_issued.v1", REFUSED, agency="planning")


def card_with_another_instant(snapshot: Snapshot) -> None:
    change(snapshot, "supervision", "supervision.card_issued.v1", SILENT, crossed_at="2026-01-09T02:00:00Z")


def supervision_clock_wrong(snapshot: Snapshot) -> None:
    rows(snapshot, "supervision", "clocks")[0]["due_on"] = "2026-01-30"


def leaf_missing(snapshot: Snapshot) -> None:
    rows(snapshot, "disclosure", "leaves").pop()


def leaf_edited(snapshot: Snapshot) -> None:
    leaf = rows(snapshot, "disclosure", "leaves")[-1]
    leaf["leaf"] = leaf["leaf"].replace("granted", "refused").replace("voucher", "Voucher")


def leaf_besides(snapshot: Snapshot) -> None:
    leaves = rows(snapshot, "disclosure", "leaves")
    leaves.append({**leaves[-1], "leaf_index": len(leaves), "event_id": "a" * 32})


def refusal_named(snapshot: Snapshot) -> None:
    for leaf in rows(snapshot, "disclosure", "leaves"):
        if '"refused"' in leaf["leaf"]:
            leaf["leaf"] = json.dumps({**json.loads(leaf["leaf"]), "application_no": "AL-2026-000004"})


def checkpoint_forged(snapshot: Snapshot) -> None:
    head = rows(snapshot, "disclosure", "checkpoints")[-1]
    head["note"] = head["note"].replace("\n28\n", "\n27\n")


def voucher_without_proof(snapshot: Snapshot) -> None:
    intake = snapshot.books["intake"]
    intake.inbox = [row for row in intake.inbox if row.type != "disclosure.record_published.v1"]


def unsent(snapshot: Snapshot) -> None:
    change(snapshot, "intake", "intake.decision_due.v1", GRANTED, sent=False)


def parked(snapshot: Snapshot) -> None:
    snapshot.books["intake"].parked.append((OPINION, "case"))


def set_aside(snapshot: Snapshot) -> None:
    snapshot.books["fee"].set_aside.append(("intake.application_accepted.v1", "bad_content"))


def unhandled(snapshot: Snapshot) -> None:
    inbox = snapshot.books["review.market"].inbox
    inbox[0] = replace(inbox[0], state="parked")


def queue_not_empty(snapshot: Snapshot) -> None:
    snapshot.queues = {"intake": 0, "review.market.dead": 3}


PLANTED: tuple[tuple[str, Plant], ...] = (
    ("I1", lost),
    ("I1", lost_by_supervision),
    ("I1", spoke_as_another),
    ("I2", phantom),
    ("I2", misdelivered),
    ("I3", heard_twice),
    ("I3", applied_twice),
    ("I3", bill_without_word),
    ("I3", card_without_word),
    ("I3", task_lost),
    ("I4", answered_about_nothing),
    ("I4", answered_with_another_paper),
    ("I5", answer_missing),
    ("I5", key_answered_twice),
    ("I5", one_application_created_twice),
    ("I6", opinion_missing),
    ("I6", opinion_unplanned),
    ("I6", opinion_forged),
    ("I6", opinion_says_other_than_its_paper),
    ("I6", opinion_signed_by_another),
    ("I6", applied_twice),
    ("I6", plan_shortened),
    ("I7", decided_early),
    ("I7", issued_early),
    ("I7", opinion_after_the_outcome),
    ("I7", granted_over_an_objection),
    ("I7", consented_over_an_objection),
    ("I7", decided_by_a_stranger),
    ("I7", refused_without_reasons),
    ("I8", acceptance_left_out),
    ("I8", accepted_after_withdrawal),
    ("I8", supervision_copy_short),
    ("I9", ledger_unbalanced),
    ("I9", overcharged),
    ("I9", another_tariff),
    ("I9", billed_without_a_published_charge),
    ("I9", billed_twice),
    ("I9", settled_twice),
    ("I9", paid_into_another_account),
    ("I9", permit_unpaid),
    ("I11", due_date_wrong),
    ("I11", limit_unpublished),
    ("I11", card_missing),
    ("I11", card_twice),
    ("I11", card_without_crossing),
    ("I11", card_with_another_instant),
    ("I11", supervision_clock_wrong),
    ("I12", leaf_missing),
    ("I12", leaf_edited),
    ("I12", leaf_besides),
    ("I12", refusal_named),
    ("I12", checkpoint_forged),
    ("I12", voucher_without_proof),
    ("I13", unsent),
    ("I13", parked),
    ("I13", set_aside),
    ("I13", unhandled),
    ("I13", queue_not_empty),
)


def test_the_recorded_center_is_clean() -> None:
    report = judge(recorded().snapshot(NOW), FLOW)
    assert report.clean, "\n".join(report.lines())
    assert all(finding.counted for finding in report.findings)


@pytest.mark.parametrize(
    ("invariant", "plant"), PLANTED, ids=lambda each: each if isinstance(each, str) else each.__name__
)
def test_a_planted_breach_is_found(invariant: str, plant: Plant) -> None:
    snapshot = recorded().snapshot(NOW)
    plant(snapshot)
    report = judge(snapshot, FLOW)
    found = report.breaches_of(invariant)
    assert found, "\n".join(report.lines())
    assert not any("cannot be read" in sentence for sentence in found)


def test_every_invariant_that_applies_now_has_a_planted_breach() -> None:
    invariants = [finding.invariant for finding in judge(recorded().snapshot(NOW), FLOW).findings]
    assert invariants == ["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I11", "I12", "I13"]
    assert {invariant for invariant, _ in PLANTED} == set(invariants)


def test_books_that_cannot_be_read_are_a_breach_not_a_crash() -> None:
    snapshot = recorded().snapshot(NOW)
    del rows(snapshot, "disclosure", "leaves")[0]["leaf"]
    report = judge(snapshot, FLOW)
    assert report.breaches_of("I12")
    assert not report.clean


def test_without_keys_no_signature_is_trusted() -> None:
    snapshot = recorded().snapshot(NOW)
    snapshot.keys = snapshot.log_key = None
    report = judge(snapshot, FLOW)
    assert report.breaches_of("I6")
    assert report.breaches_of("I12")


def test_the_report_is_json_for_programs_and_rows_for_people() -> None:
    snapshot = recorded().snapshot(NOW)
    phantom(snapshot)
    report = judge(snapshot, FLOW)
    told = json.loads(report.to_json())
    assert told["clean"] is False
    assert next(row for row in told["invariants"] if row["invariant"] == "I2")["breaches"]
    assert any(line.startswith("I2   BREACH") for line in report.lines())
