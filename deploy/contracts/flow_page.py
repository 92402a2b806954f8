"""contracts/FLOW.md: the story as a picture and as a table, for reading."""

from __future__ import annotations

from libs.flow import Flow, Rule

_HEAD = """<!-- Written by `python -m deploy.contracts write` from flow.yaml. Change flow.yaml, not this page. -->
# The life of a case

Who says what, who hears it, under which clause, which clock it starts or stops. `review.*` is said by one
department and carries its name at the end of the routing key; so does what is sent to one department.
The pictures leave out supervision, which hears everything, and the leaves of the public log; the table has both.
"""
LEAF = "disclosure.record_published.v1"


def _words(event: str) -> str:
    return event.split(".")[1].replace("_", " ")


def _state(event: str) -> str:
    return event.rsplit(".", 1)[0].replace(".", "_")


def _picture(flow: Flow) -> str:
    """One arrow per speaker and hearer. Supervision hears everything but leaves the picture readable."""
    lines = ["```mermaid", "sequenceDiagram"]
    for name, spread in flow.services.items():
        if name != "supervision":
            many = " (one per department)" if spread["per"] == "department" else ""
            lines.append(f"  participant {name} as {name}{many}")
    for rule in flow.rules.values():
        hearers = [hearer for hearer in rule.heard_by if hearer != "supervision"]
        if rule.said_by == "supervision":
            lines.append(f"  Note over {hearers[0]}: {rule.step} supervision says: {_words(rule.event)}")
        elif not hearers:
            lines.append(f"  Note over {rule.said_by}: {rule.step} {_words(rule.event)}")
        else:
            lines += [f"  {rule.said_by}->>{hearer}: {rule.step} {_words(rule.event)}" for hearer in hearers]
    return "\n".join([*lines, "```"])


def _order(flow: Flow) -> str:
    """What follows what; the leaf in the public log, which follows every published act, is left out."""
    lines = ["```mermaid", "stateDiagram-v2", "  direction LR"]
    lines += [
        f'  state "{rule.said_by}: {_words(event)}" as {_state(event)}' for event, rule in flow.rules.items()
    ]
    for event, rule in flow.rules.items():
        followers = [each for each in rule.next if each != LEAF]
        lines += [f"  {_state(event)} --> {_state(following)}" for following in followers]
        if not followers:
            lines.append(f"  {_state(event)} --> [*]")
    return "\n".join([*lines, "```"])


def _row(rule: Rule) -> str:
    clocks = [f"starts {name}" for name in rule.starts] + [f"stops {name}" for name in rule.stops]
    to = " to one department" if rule.sent_to else ""
    cells = [
        rule.step,
        f"`{rule.event}`{to}",
        rule.said_by,
        ", ".join(rule.heard_by),
        "; ".join(rule.law),
        ", ".join(clocks),
    ]
    return f"| {' | '.join(cells)} |"


def page(flow: Flow) -> str:
    """The whole page."""
    clocks = [f"| {name} | {clock['timed']} | {clock['law']} |" for name, clock in flow.clocks.items()]
    return "\n".join(
        [
            _HEAD,
            _picture(flow),
            "\n## Steps\n\n| step | event | said by | heard by | law | clocks |\n|---|---|---|---|---|---|",
            *map(_row, flow.rules.values()),
            "\n## Clocks\n\nAll in working days.\n\n| clock | whom it times | law |\n|---|---|---|",
            *clocks,
            "\n## What may follow what\n",
            _order(flow),
            "",
        ]
    )
