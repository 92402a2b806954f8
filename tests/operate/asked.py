"""What the rules and dashboards ask of Prometheus, read from the committed files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import promql_parser
import yaml

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = sorted((PROMETHEUS / "rules").glob("*.yaml"))
RULE_TESTS = sorted((PROMETHEUS / "tests").glob("*.yaml"))
DASHBOARDS = sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json"))
RUNBOOKS = ROOT / "docs" / "runbooks"
GRAFANA_OWN = {"__rate_interval": "1m", "__interval": "15s", "__range": "1h"}
ONLY_IN_NEED = (
    "ALERTS", "permit_dead_letter_events_total", "permit_deliveries_healed_events_total",
    "permit_event_send_failures_total", "permit_events_resent_total", "permit_replays_total",
)  # fmt: skip
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")
_LABEL_VALUES = re.compile(r"label_values\(([\w:]+), (\w+)\)")


@dataclass(frozen=True)
class Asked:
    """One expression and where it stands."""

    where: str
    expr: str


@dataclass(frozen=True)
class Choice:
    """A dashboard's variable: the values of ``label`` of ``metric``."""

    where: str
    name: str
    metric: str
    label: str
    any_value: str | None


def rules() -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every rule with its file."""
    for path in RULES:
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            for rule in group["rules"]:
                yield path, rule


def alerts() -> dict[str, dict[str, Any]]:
    """Every alert by name."""
    return {rule["alert"]: rule for _, rule in rules() if "alert" in rule}


def recorded() -> list[Asked]:
    """The expressions of the recording rules."""
    return [Asked(rule["record"], rule["expr"]) for _, rule in rules() if "record" in rule]


def needed_by_alerts() -> list[Asked]:
    """Every series an alert looks at: the alert is silent in a healthy center, what it looks at must be there."""
    return [
        Asked(f"{name} looks at", selector)
        for name, rule in alerts().items()
        for selector in selectors(rule["expr"])
    ]


def dashboards() -> dict[str, dict[str, Any]]:
    """Every dashboard by the name of its file."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in DASHBOARDS}


def panels() -> list[tuple[str, dict[str, Any]]]:
    """(where, panel) of every panel that shows something."""
    return [
        (f"{name}: {panel['title']}", panel)
        for name, told in dashboards().items()
        for panel in told["panels"]
        if panel["type"] != "row"
    ]


def choices() -> list[Choice]:
    """Every variable of every dashboard."""
    found = []
    for name, told in dashboards().items():
        for variable in told["templating"]["list"]:
            match = _LABEL_VALUES.fullmatch(variable["query"]["query"])
            assert match, variable
            found.append(Choice(name, variable["name"], match[1], match[2], variable.get("allValue")))
    return found


def targets(chosen: dict[str, str]) -> list[Asked]:
    """Every panel's every expression; a variable of many values stands for all, one of one for its ``chosen`` value."""
    by_dashboard: dict[str, dict[str, str]] = {}
    for choice in choices():
        value = choice.any_value if choice.any_value is not None else chosen[choice.name]
        by_dashboard.setdefault(choice.where, {})[choice.name] = value
    return [
        Asked(f"{where} [{target['refId']}]", filled(target["expr"], by_dashboard[where.partition(":")[0]]))
        for where, panel in panels()
        for target in panel["targets"]
    ]


def needed_by_panels(chosen: dict[str, str]) -> list[Asked]:
    """Every series a panel looks at, so that ``or vector(0)`` hides nothing; except what is there only in need."""
    return [
        Asked(f"{asked.where} looks at", selector)
        for asked in targets(chosen)
        for selector in selectors(asked.expr)
        if not selector.startswith(ONLY_IN_NEED)
    ]


def filled(expr: str, values: dict[str, str]) -> str:
    """The expression with its variables' values; KeyError for a variable nobody declared."""
    known = {**GRAFANA_OWN, **values}
    return _VARIABLE.sub(lambda match: known[match[1]], expr)


def selectors(expr: str) -> list[str]:
    """The series an expression looks at, each as an expression of its own."""
    return list(dict.fromkeys(_walk(promql_parser.parse(expr))))


def metrics(expr: str) -> set[str]:
    """The names of the series an expression looks at."""
    return {selector.partition("{")[0] for selector in selectors(expr)}


def _walk(node: Any) -> Iterator[str]:
    if isinstance(node, promql_parser.VectorSelector):
        yield _written(node)
        return
    if isinstance(node, promql_parser.MatrixSelector):
        yield _written(node.vector_selector)
        return
    for name in ("expr", "lhs", "rhs"):
        below = getattr(node, name, None)
        if below is not None:
            yield from _walk(below)
    for argument in getattr(node, "args", None) or ():
        yield from _walk(argument)


def _written(selector: Any) -> str:
    operators = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}
    wanted = [
        f"{each.name}{operators[str(each.op).rpartition('.')[2]]}{json.dumps(each.value, ensure_ascii=False)}"
        for each in selector.matchers.matchers
    ]
    return f"{selector.name}{{{', '.join(wanted)}}}" if wanted else str(selector.name)
