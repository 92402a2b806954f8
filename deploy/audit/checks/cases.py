"""I6 exactly the planned opinions, I7 no early outcome, I8 a legal path: each case by its own events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deploy.audit.evidence.facts import holds
from deploy.audit.report import Finding
from deploy.audit.snapshot import Said, Snapshot, first, pick
from libs.flow import Flow
from libs.signatures import BadSignature

ACCEPTED = "intake.application_accepted.v1"
RECEIVED = "intake.application_received.v1"
OPINION = "review.opinion_given.v1"
DECISIONS = ("review.decision_made.v1", "intake.decision_made.v1")
PAPERS = ("intake.permit_issued.v1", "intake.refusal_issued.v1")
ENDS = ("intake.application_declined.v1", "intake.application_withdrawn.v1", "intake.document_delivered.v1")
SIGNED = {  # event: (field of the signed paper, who must have signed it; None: whoever said the event)
    "intake.application_received.v1": "voucher",
    "intake.correction_requested.v1": "notice",
    "intake.application_declined.v1": "voucher",
    "intake.application_accepted.v1": "voucher",
    "review.opinion_given.v1": "opinion",
    "review.decision_made.v1": "decision_document",
    "intake.decision_made.v1": "decision_document",
    "intake.permit_issued.v1": "permit",
    "intake.refusal_issued.v1": "refusal",
    "fee.charge_assessed.v1": "bill",
    "fee.payment_received.v1": "receipt",
}


def published_item(snapshot: Snapshot, code: str, version: int) -> Mapping[str, Any] | None:
    """An item version as disclosure published it."""
    for event in snapshot.of_type("disclosure.service_item_published.v1"):
        if (event.data["item_code"], event.data["version"]) == (code, version):
            return event.data
    return None


def planned(item: Mapping[str, Any], facts: Mapping[str, Any]) -> set[str]:
    """The departments that must have a say, by the published plan and the accepted facts."""
    return {step["department"] for step in item["plan"] if holds(step.get("when"), facts)}


def exactly_the_planned_opinions(snapshot: Snapshot, flow: Flow) -> Finding:
    """Closed cases: the departments of the frozen plan, each once, by its own account and its own key."""
    finding = Finding("I6", "exactly the planned opinions")
    for case_id, events in snapshot.cases.items():
        accepted = first(events, ACCEPTED)
        opinions = pick(events, OPINION)
        finding.count("opinions", len(opinions))
        if accepted is None:
            finding.expect(not opinions, f"case {case_id[:12]} was never accepted and has opinions")
            continue
        item = published_item(snapshot, accepted.data["item_code"], accepted.data["item_version"])
        if item is None:
            finding.breach(f"case {case_id[:12]} follows an item version that was never published")
            continue
        wanted = planned(item, accepted.data["facts"])
        told = {step["department"] for step in accepted.data["plan"]}
        differs = f"case {case_id[:12]} was planned for {sorted(told)}, not {sorted(wanted)}"
        finding.expect(told == wanted, differs)
        _who_gave(finding, case_id, opinions, wanted, complete=first(events, *DECISIONS) is not None)
    for event in snapshot.of_type(*SIGNED):
        _signed(finding, snapshot, event)
    return finding


def _who_gave(
    finding: Finding, case_id: str, opinions: list[Said], wanted: set[str], *, complete: bool
) -> None:
    finding.count("decided cases" if complete else "undecided cases")
    given = [opinion.source.partition("/")[2] for opinion in opinions]
    for opinion, department in zip(opinions, given, strict=True):
        named = opinion.data["department"]
        finding.expect(named == department, f"{opinion} names {named}")
    for department in sorted(set(given) - wanted):
        finding.breach(f"case {case_id[:12]}: {department} gave an opinion nobody planned")
    for department in sorted({each for each in given if given.count(each) > 1}):
        finding.breach(f"case {case_id[:12]}: {department} gave {given.count(department)} opinions")
    for department in sorted(wanted - set(given)) if complete else ():
        finding.breach(f"case {case_id[:12]} was decided without {department}")


def _signed(finding: Finding, snapshot: Snapshot, event: Said) -> None:
    finding.count("signed papers")
    if snapshot.keys is None:
        finding.breach(f"no key directory to verify the paper of {event}")
        return
    try:
        content = snapshot.keys.verify(event.data[SIGNED[event.type]], issuer=event.source)
    except BadSignature as wrong:
        finding.breach(f"{event}: {wrong}")
        return
    for name in ("application_no", "department", "outcome", "decision", "bill_no", "permit_no", "total_fen"):
        if name in content and name in event.data and content[name] != event.data[name]:
            finding.breach(f"{event} says {name} {event.data[name]}, its paper {content[name]}")


def no_early_outcome(snapshot: Snapshot, flow: Flow) -> Finding:
    """An outcome follows every opinion; a grant over an objection is the lead's, with an answer to each."""
    finding = Finding("I7", "no outcome before its grounds")
    for case_id, events in snapshot.cases.items():
        accepted, opinions = first(events, ACCEPTED), pick(events, OPINION)
        for outcome in pick(events, *DECISIONS, *PAPERS):
            finding.count("outcomes")
            wanted = {step["department"] for step in accepted.data["plan"]} if accepted else set()
            before = {each.data["department"] for each in opinions if each.time <= outcome.time}
            for department in sorted(wanted - before):
                finding.breach(f"case {case_id[:12]}: {outcome.type} before the opinion of {department}")
            for late in (each for each in opinions if each.time > outcome.time):
                finding.breach(f"case {case_id[:12]}: {late.source} gave its opinion after {outcome.type}")
        for decision in pick(events, *DECISIONS):
            _lawfully_decided(finding, case_id, accepted, opinions, decision)
        _paper_follows_decision(finding, case_id, events)
    return finding


def _lawfully_decided(
    finding: Finding, case_id: str, accepted: Said | None, opinions: list[Said], decision: Said
) -> None:
    objecting = {each.data["department"] for each in opinions if each.data["outcome"] == "object"}
    if decision.type == "intake.decision_made.v1":
        unanimous = accepted is not None and accepted.data["decision"] == "unanimous"
        by = f"case {case_id[:12]} was decided by consent"
        finding.expect(unanimous, f"{by}, its item says otherwise")
        finding.expect(not objecting, f"{by} over {sorted(objecting)}")
        return
    lead = accepted.data["lead"] if accepted else None
    finding.expect(
        decision.source == f"review/{lead}", f"case {case_id[:12]}: {decision.source} is not the lead"
    )
    if decision.data["decision"] == "granted":
        answered = {each["department"] for each in decision.data.get("answers") or () if each.get("answer")}
        for department in sorted(objecting - answered):
            finding.breach(f"case {case_id[:12]} was granted without answering {department}")
    else:
        finding.expect(bool(decision.data["reasons"]), f"case {case_id[:12]} was refused without reasons")


def _paper_follows_decision(finding: Finding, case_id: str, events: list[Said]) -> None:
    decisions = pick(events, *DECISIONS)
    finding.expect(len(decisions) <= 1, f"case {case_id[:12]} was decided {len(decisions)} times")
    for paper in pick(events, *PAPERS):
        wanted = "granted" if paper.type == PAPERS[0] else "refused"
        fits = [each for each in decisions if each.data["decision"] == wanted and each.time <= paper.time]
        finding.expect(bool(fits), f"case {case_id[:12]}: {paper.type} without a decision {wanted} before it")


def legal_path(snapshot: Snapshot, flow: Flow) -> Finding:
    """What is said about a case may be said next by the story; supervision's copy holds the same events."""
    finding = Finding("I8", "every case took a legal path")
    for case_id, events in snapshot.cases.items():
        finding.count("cases")
        for event in events:
            finding.count("steps")
            if event.type not in flow.rules or event.type == RECEIVED or event.source == "supervision":
                continue
            before = [each for each in events if each.time <= event.time and each is not event]
            if not any(event.type in flow.rule(each.type).next for each in before if each.type in flow.rules):
                finding.breach(f"case {case_id[:12]}: nothing before it leads to {event}")
        _window_path(finding, flow, case_id, [each for each in events if each.source == "intake"])
    _same_in_supervision(finding, snapshot, flow)
    return finding


def _window_path(finding: Finding, flow: Flow, case_id: str, said: list[Said]) -> None:
    """Intake's own events in the order it said them: each is a next of an earlier one, none follows the end."""
    ordered = sorted(said, key=lambda event: event.seq)
    finding.expect(ordered[0].type == RECEIVED, f"case {case_id[:12]} begins with {ordered[0].type}")
    end: Said | None = None
    for event in ordered:
        if end is not None and event.type not in flow.rule(end.type).next:
            finding.breach(f"case {case_id[:12]}: {event.type} after {end.type}")
        end = event if event.type in ENDS else end


def _same_in_supervision(finding: Finding, snapshot: Snapshot, flow: Flow) -> None:
    books = snapshot.books.get("supervision")
    if books is None:
        return
    copies: dict[str, set[tuple[str, str]]] = {}
    for row in books.rows("happenings"):
        copies.setdefault(row["case_id"], set()).add((row["source"], row["id"]))
    for case_id, events in snapshot.cases.items():
        wanted = {
            event.identity for event in events
            if event.type in flow.rules and "supervision" in flow.rule(event.type).heard_by
            and event.type != "disclosure.record_published.v1"
        }  # fmt: skip
        for source, event_id in sorted(wanted ^ copies.get(case_id, set())):
            where = "lacks" if (source, event_id) in wanted else "has besides"
            finding.breach(f"case {case_id[:12]}: supervision's copy {where} {source}:{event_id[:12]}")
