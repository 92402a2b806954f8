"""I1 no loss, I2 no phantom, I13 nothing stuck: every event said reached its hearers, and no other did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from deploy.audit.report import Finding
from deploy.audit.snapshot import Said, Snapshot
from libs.flow import Flow


def hearers(event: Said, flow: Flow, departments: list[str]) -> Iterator[str]:
    """The databases an event must have reached, by the story: one department's, or every department's."""
    rule = flow.rule(event.type)
    for service in rule.heard_by:
        if flow.services[service]["per"] != "department":
            yield service
        elif rule.sent_to:
            yield f"{service}.{event.department}"
        else:
            yield from (f"{service}.{department}" for department in departments)


def no_loss(snapshot: Snapshot, flow: Flow) -> Finding:
    """Every event of every outbox is in the inbox of everyone who hears its type."""
    finding = Finding("I1", "no event was lost")
    heard = {name: {row.identity for row in books.inbox} for name, books in snapshot.books.items()}
    departments = snapshot.departments()
    for books in snapshot.books.values():
        for event in books.outbox:
            finding.count("events said")
            if event.type not in flow.rules:
                finding.breach(f"{books.name} said {event}, which the story does not know")
                continue
            _spoken_by_its_owner(finding, event, books.source, flow)
            for hearer in hearers(event, flow, departments):
                finding.count("deliveries")
                if event.identity not in heard.get(hearer, set()):
                    finding.breach(f"{hearer} never heard {event}")
    return finding


def _spoken_by_its_owner(finding: Finding, event: Said, source: str, flow: Flow) -> None:
    rule = flow.rule(event.type)
    finding.expect(event.source == source, f"{event} stands in the outbox of {source}")
    finding.expect(source.split("/")[0] == rule.said_by, f"{event} is not {source}'s to say")
    if rule.said_by == "review":
        finding.expect(event.source == f"review/{event.department}", f"{event} speaks for {event.department}")


def no_phantom(snapshot: Snapshot, flow: Flow) -> Finding:
    """Nobody heard what nobody said, and nobody heard what was not for them."""
    finding = Finding("I2", "nothing was heard that was not said")
    departments = snapshot.departments()
    for name, books in snapshot.books.items():
        for row in books.inbox:
            finding.count("events heard")
            event = snapshot.by_identity.get(row.identity)
            if event is None:
                finding.breach(f"{name} heard {row.type} {row.source}:{row.id[:12]}, which nobody said")
            elif (event.type, event.subject) != (row.type, row.subject):
                finding.breach(f"{name} heard {event} as {row.type} about {row.subject[:12]}")
            elif event.type in flow.rules and name not in set(hearers(event, flow, departments)):
                finding.breach(f"{name} heard {event}, which is not for it")
    return finding


def nothing_stuck(snapshot: Snapshot, flow: Flow) -> Finding:
    """Outboxes sent, nothing parked or set aside, every inbox row handled, queues (if looked at) empty."""
    finding = Finding("I13", "nothing is stuck")
    finding.count("databases", len(snapshot.books))
    for name, books in snapshot.books.items():
        unsent = sum(not event.sent for event in books.outbox)
        finding.expect(unsent == 0, f"{name}: {unsent} events committed and not sent")
        for event_type, number in Counter(kind for kind, _ in books.parked).items():
            finding.breach(f"{name}: {number} parked {event_type}")
        for event_type, number in Counter(kind for kind, _ in books.set_aside).items():
            finding.breach(f"{name}: {number} set aside {event_type}")
        for state, number in Counter(row.state for row in books.inbox if row.state != "handled").items():
            finding.breach(f"{name}: {number} inbox rows {state}")
    for queue, depth in (snapshot.queues or {}).items():
        finding.count("queues")
        finding.expect(depth == 0, f"queue {queue} holds {depth} messages")
    return finding
