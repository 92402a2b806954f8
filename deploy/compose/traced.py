"""Spans through the collector of a center in containers: what comes out at its other end, put together as trees.

The collector runs with our own configuration. No trace store's image may be here, so a second collector stands in its
place (``traces:4317``) and writes every span to its log; from there they are read.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from deploy.compose.engine import docker, running
from deploy.compose.project import ROOT, Project
from deploy.launcher.traces import Span, read_spans, trees_of

CONFIGURATION = ROOT / "deploy" / "compose" / "trace_sink.yaml"
ENDPOINT = {"ONEWINDOW_OTLP_ENDPOINT": "http://collector:4318"}
READS = (
    "GET ",
    "publish ",
    "receive ",
)  # as tests/flow/case_trace.py: deeds are a tree, messages link to them
ARRIVE_S = 90.0
_HEX = re.compile(r"[0-9a-f]{16,32}")
_FIELD = re.compile(r"^    (\w[\w ]*?)\s*:\s*(.*)$")
_ATTRIBUTE = re.compile(r"^     -> (\S[^:]*): (?:Str\((.*)\)|\w+\((.*)\)|(.*))$")


class NotTraced(RuntimeError):
    """Spans did not come out of the collector, or make no tree; the text says which."""


class Sink:
    """The second collector of one center, on its inner network under the trace store's name."""

    def __init__(self, project: Project, image: str) -> None:
        self._name = f"{project.name}-trace-sink"
        docker(
            "run", "--detach", "--name", self._name, "--network", f"{project.name}_inside",
            "--network-alias", "traces", "--read-only", "--cap-drop", "ALL", "--memory", "256m",
            "--volume", f"{CONFIGURATION}:/etc/sink.yaml:ro", image, "--config", "/etc/sink.yaml",
        )  # fmt: skip

    def spans(self) -> list[dict[str, Any]]:
        """Every span that arrived so far, as the services' own span files tell them."""
        told = subprocess.run(["docker", "logs", self._name], capture_output=True, text=True, check=True)
        return list(read_log(told.stdout + told.stderr))

    def close(self) -> None:
        """Away with it."""
        docker("rm", "--force", "--volumes", self._name)


def read_log(text: str) -> Iterator[dict[str, Any]]:
    """The spans in what the debug exporter writes."""
    span: dict[str, Any] | None = None
    service = part = ""
    for line in text.splitlines():
        if line.startswith(("Resource attributes:", "ScopeSpans #", "Attributes:", "Events:", "Links:")):
            part = line.split(" #")[0].rstrip(":")
        elif line.startswith("ResourceSpans #"):
            part = "ResourceSpans"
        elif line.startswith("Span #"):
            if span is not None:
                yield span
            part, span = "Span", {"service": service, "attributes": {}, "links": [], "parent_id": None}
        elif part == "Resource attributes":
            if (found := _ATTRIBUTE.match(line)) and found[1] == "service.name":
                if span is not None:
                    yield span
                service, span = found[2] or "", None
        elif span is not None:
            _take(span, part, line)
    if span is not None:
        yield span


def _take(span: dict[str, Any], part: str, line: str) -> None:
    if part == "Span" and (found := _FIELD.match(line)):
        _take_field(span, found[1], found[2].strip())
    elif part == "Attributes" and (found := _ATTRIBUTE.match(line)):
        span["attributes"][found[1]] = next((each for each in found.groups()[1:] if each is not None), "")
    elif part == "Links" and line.strip().startswith("-> ID:"):
        span["links"].append({"span_id": line.rpartition(":")[2].strip()})


def _take_field(span: dict[str, Any], name: str, value: str) -> None:
    match name:
        case "Trace ID":
            span["trace_id"] = value
        case "Parent ID":
            span["parent_id"] = value if _HEX.fullmatch(value) else None
        case "ID":
            span["span_id"] = value
        case "Name":
            span["name"] = value
        case "Start time":
            span["start_ns"] = _nanoseconds(value)
        case "End time":
            span["end_ns"] = _nanoseconds(value)
        case "Status code":
            span["status"] = value.upper()


def _nanoseconds(told: str) -> int:
    """``2026-01-05 08:00:00.123456789 +0000 UTC``"""
    day, clock, *_ = told.split()
    whole, _, fraction = clock.partition(".")
    at = datetime.fromisoformat(f"{day}T{whole}").replace(tzinfo=UTC)
    return int(at.timestamp()) * 1_000_000_000 + int((fraction or "0").ljust(9, "0"))


def collected(project: Project, sink: Sink, case_ids: list[str], services: set[str]) -> str:
    """One tree of a case that all these services had a part in, and as much out of the collector as into it."""
    until = time.monotonic() + ARRIVE_S
    seen = ""
    while True:
        spans = sink.spans()
        deeds = [span for span in spans if not span["name"].startswith(READS)]
        trees = {case: trees_of(deeds, case) for case in case_ids}
        whole = [case for case, roots in trees.items() if len(roots) == 1 and services <= _services(roots[0])]
        came, left, refused = (_figure(project, query) for query in FIGURES)
        seen = f"{came:.0f} spans in, {left:.0f} out, {refused:.0f} lost, {len(spans)} at the store"
        if whole and came == left > 0 and refused == 0:
            _keep(project, spans)
            largest = max(_size(trees[case][0]) for case in whole)
            return f"{seen}; {len(whole)} of {len(case_ids)} cases are one tree each, the largest of {largest} spans"
        if time.monotonic() > until:
            roots = {case: len(found) for case, found in trees.items()}
            raise NotTraced(f"{seen}; roots by case {roots}, services {sorted(services)}")
        time.sleep(2)


FIGURES = (
    "sum(otelcol_receiver_accepted_spans)",
    'sum(otelcol_exporter_sent_spans{exporter="otlp/store"})',
    'sum({__name__=~"otelcol_(receiver_(refused|failed)|exporter_(send|enqueue)_failed)_spans"})',
)


def _figure(project: Project, query: str) -> float:
    """What this center's own Prometheus answers: 0 when it knows no such series (yet)."""
    prometheus = running(project, "prometheus")
    asked = re.sub(r"[^A-Za-z0-9]", lambda found: f"%{ord(found[0]):02x}", query)
    url = f"http://127.0.0.1:9090/api/v1/query?query={asked}"
    told = json.loads(docker("exec", prometheus, "wget", "-q", "-O", "-", url))
    values = [float(each["value"][1]) for each in told["data"]["result"]]
    return values[0] if values else 0.0


def _services(root: Span) -> set[str]:
    return {root.told["service"]}.union(*(_services(child) for child in root.children))


def _size(root: Span) -> int:
    return 1 + sum(_size(child) for child in root.children)


def _keep(project: Project, spans: list[dict[str, Any]]) -> None:
    """Where `onewindow trace CASE --run-dir` looks."""
    folder = project.state / "traces"
    folder.mkdir(exist_ok=True)
    lines = "".join(json.dumps(span, ensure_ascii=False) + "\n" for span in spans)
    (folder / "collected.jsonl").write_text(lines, encoding="utf-8")
    assert list(read_spans(folder))
