"""contracts/FLOW.md: the story as a picture and as a table, for reading."""

from __future__ import annotations

from libs.flow import Flow, Rule

_HEAD = """<!-- Written by `python -m deploy.contracts write` from flow.yaml. Change flow.yaml, not this page. -->
# The life of a case

Who says what, who hears it, under which clause, which clock it starts or stops. `review.*` is said by one
department and carries its name at the end of the routing key; so does what is sent to one department.
"""


def _picture(flow: Flow) -> str:
    lines = ["```mermaid", "flowchart LR"]
    for name in flow.services:
        shape = (
            f'{name}[["{name} × departments"]]'
            if flow.services[name]["per"] == "department"
            else f"{name}[{name}]"
        )
        lines.append(f"  {shape}")
    for rule in flow.rules.values():
        short = rule.event.split(".")[1].replace("_", " ")
        lines += [
            f"  {rule.said_by} -->|{rule.step} {short}| {hearer}"
            for hearer in rule.heard_by
            if hearer != "supervision"
        ]
    lines.append(
        "  %% supervision hears everything it is named for in the table; its edges are left out of the picture"
    )
    return "\n".join([*lines, "```"])


def _order(flow: Flow) -> str:
    lines = ["```mermaid", "stateDiagram-v2"]
    for rule in flow.rules.values():
        source = rule.event.split(".", 1)[1].rsplit(".", 1)[0]
        lines += [f"  {source} --> {following.split('.', 1)[1].rsplit('.', 1)[0]}" for following in rule.next]
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
