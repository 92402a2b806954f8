"""Panels in few words: each has a unit and a description in both languages, and thresholds where they matter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

PROMETHEUS = {"type": "prometheus", "uid": "prometheus"}
WIDTH = 24


@dataclass(frozen=True)
class Query:
    """One expression; ``legend`` in Grafana's braces; ``instant`` asks for now only."""

    expr: str
    legend: str = ""
    instant: bool = False


@dataclass(frozen=True)
class Panel:
    """One panel. ``title`` and ``about`` are Chinese first, then English; ``red`` and ``amber`` are thresholds."""

    kind: str
    title: str
    about: str
    queries: tuple[Query, ...]
    unit: str = "short"
    width: int = 8
    height: int = 7
    amber: float | None = None
    red: float | None = None
    falling: bool = False  # the lower, the worse
    traces: str | None = None  # the service whose traces it leads to; "service": that of the series' labels
    stacked: bool = False
    decimals: int | None = None
    mappings: dict[str, tuple[str, str]] = field(default_factory=dict)  # value -> (text, colour)


@dataclass(frozen=True)
class Row:
    """A heading and its panels."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Variable:
    """A choice at the head of a dashboard: the values of ``label`` of ``metric``."""

    name: str
    title: str
    metric: str
    label: str
    several: bool = True


def lines(title: str, about: str, *queries: Query, **more: Any) -> Panel:
    """Something over time."""
    return Panel("timeseries", title, about, queries, **more)


def number(title: str, about: str, expr: str, **more: Any) -> Panel:
    """One figure, as it stands now."""
    return Panel("stat", title, about, (Query(expr, "", instant=True),), **{"width": 3, "height": 4, **more})


def bars(title: str, about: str, expr: str, legend: str, **more: Any) -> Panel:
    """One bar for each value of a label, as it stands now."""
    return Panel("bargauge", title, about, (Query(expr, legend, instant=True),), **more)


def table(title: str, about: str, expr: str, **more: Any) -> Panel:
    """A table of labels and values, as it stands now."""
    return Panel("table", title, about, (Query(expr, "", instant=True),), **more)


def trace_link(service: str) -> dict[str, Any]:
    """From a panel to the traces of a service in the panel's time; ``service`` may hold Grafana's variables."""
    panes = (
        '{"onewindow":{"datasource":"traces","queries":[{"refId":"A","queryType":"search","service":"'
        + service
        + '"}],"range":{"from":"${__from}","to":"${__to}"}}}'
    )
    url = "/explore?schemaVersion=1&orgId=1&panes=" + quote(panes, safe="${}_.:,")
    return {"title": f"链路 · Traces: {service}", "url": url, "targetBlank": True}


def _thresholds(panel: Panel) -> dict[str, Any]:
    good, bad = ("green", "red")
    steps: list[dict[str, Any]] = [{"color": bad if panel.falling else good, "value": None}]
    if panel.falling:
        if panel.red is not None:
            steps.append({"color": "orange", "value": panel.red})
        if panel.amber is not None:
            steps.append({"color": good, "value": panel.amber})
    else:
        if panel.amber is not None:
            steps.append({"color": "orange", "value": panel.amber})
        if panel.red is not None:
            steps.append({"color": bad, "value": panel.red})
    return {"mode": "absolute", "steps": steps}


def _has_thresholds(panel: Panel) -> bool:
    return panel.amber is not None or panel.red is not None


def _custom(panel: Panel) -> dict[str, Any]:
    if panel.kind != "timeseries":
        return {}
    style = {"mode": "dashed" if panel.red is not None and not panel.stacked else "off"}
    return {
        "drawStyle": "line", "lineWidth": 1, "fillOpacity": 20 if panel.stacked else 5, "showPoints": "never",
        "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"}, "thresholdsStyle": style,
    }  # fmt: skip


def _options(panel: Panel) -> dict[str, Any]:
    reduced = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    if panel.kind == "timeseries":
        legend = {"displayMode": "list", "placement": "bottom", "showLegend": True}
        return {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}
    if panel.kind == "stat":
        return {"reduceOptions": reduced, "colorMode": "value", "graphMode": "none", "textMode": "auto"}
    if panel.kind == "bargauge":
        return {"reduceOptions": reduced, "orientation": "horizontal", "displayMode": "basic"}
    return {"showHeader": True, "cellHeight": "sm"}


def _defaults(panel: Panel) -> dict[str, Any]:
    coloured = _has_thresholds(panel) and panel.kind != "timeseries"
    found: dict[str, Any] = {
        "unit": panel.unit,
        "color": {"mode": "thresholds" if coloured else "palette-classic"},
        "custom": _custom(panel),
        "thresholds": _thresholds(panel) if _has_thresholds(panel) else {"mode": "absolute", "steps": [
            {"color": "text", "value": None}]},
        "mappings": [
            {"type": "value", "options": {value: {"text": text, "color": colour}}}
            for value, (text, colour) in panel.mappings.items()
        ],
        "min": 0 if panel.kind != "stat" else None,
    }  # fmt: skip
    if panel.decimals is not None:
        found["decimals"] = panel.decimals
    if panel.traces is not None:
        both = ["${__field.labels.service}", "review/${__field.labels.department}"]
        found["links"] = [
            trace_link(each) for each in (both if panel.traces == "service" else [panel.traces])
        ]
    return {name: value for name, value in found.items() if value is not None}


def _target(query: Query, letter: str, panel: Panel) -> dict[str, Any]:
    told: dict[str, Any] = {
        "refId": letter,
        "datasource": PROMETHEUS,
        "editorMode": "code",
        "expr": query.expr,
        "instant": query.instant,
        "range": not query.instant,
        "legendFormat": query.legend or "__auto",
    }
    if panel.kind == "table":
        told["format"] = "table"
    if panel.kind == "timeseries" and "_bucket" in query.expr:
        told["exemplar"] = True
    return told


def _panel(panel: Panel, place: dict[str, int], identity: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": identity,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": PROMETHEUS,
        "gridPos": place,
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _options(panel),
        "targets": [_target(query, "ABCDEFGH"[index], panel) for index, query in enumerate(panel.queries)],
    }
    if panel.kind == "table":
        hidden = {"Time": True, "__name__": True}
        found["transformations"] = [{"id": "organize", "options": {"excludeByName": hidden}}]
    return found


def _laid_out(rows: Sequence[Row]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    y = 0
    for row in rows:
        heading = {"x": 0, "y": y, "w": WIDTH, "h": 1}
        found.append(
            {"id": len(found) + 1, "type": "row", "title": row.title, "collapsed": False, "panels": []}
            | {"gridPos": heading}
        )
        x, y, tallest = 0, y + 1, 0
        for panel in row.panels:
            if x + panel.width > WIDTH:
                x, y, tallest = 0, y + tallest, 0
            place = {"x": x, "y": y, "w": panel.width, "h": panel.height}
            found.append(_panel(panel, place, len(found) + 1))
            x, tallest = x + panel.width, max(tallest, panel.height)
        y += tallest
    return found


def _variable(variable: Variable) -> dict[str, Any]:
    query = f"label_values({variable.metric}, {variable.label})"
    return {
        "name": variable.name, "label": variable.title, "type": "query", "datasource": PROMETHEUS,
        "definition": query, "query": {"query": query, "refId": "Variable"}, "refresh": 2, "sort": 1,
        "multi": variable.several, "includeAll": variable.several,
        **({"allValue": ".*", "current": {"text": "All", "value": "$__all"}} if variable.several else {}),
    }  # fmt: skip


def dashboard(
    uid: str,
    title: str,
    about: str,
    variables: Sequence[Variable],
    rows: Sequence[Row],
    *,
    since: str = "now-3h",
) -> dict[str, Any]:
    """A whole dashboard as Grafana's JSON model."""
    links = [{"type": "dashboards", "tags": ["onewindow"], "title": "一窗 · Onewindow", "asDropdown": True}]
    return {
        "uid": uid, "title": title, "description": about, "tags": ["onewindow"], "schemaVersion": 39,
        "version": 1, "editable": False, "timezone": "Asia/Shanghai", "refresh": "30s",
        "time": {"from": since, "to": "now"}, "graphTooltip": 1, "links": links,
        "templating": {"list": [_variable(each) for each in variables]},
        "annotations": {"list": []}, "panels": _laid_out(rows),
    }  # fmt: skip
