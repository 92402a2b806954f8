"""One case's trace as it is, beside the span tree that is expected of a granted case (expected_trace.yaml)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from deploy.launcher.traces import Span, read_spans, trees_of
from libs.flow import FLOW

EXPECTED = Path(__file__).with_name("expected_trace.yaml")
READS = ("GET ",)
WAYS = ("publish ", "receive ")


@dataclass(frozen=True)
class CaseTrace:
    """The deeds of a case as trees, and the messages that carried its events between them."""

    roots: list[Span]
    ways: list[dict[str, Any]]

    @property
    def shape(self) -> list[Any]:
        """The deeds by name; children are unordered."""
        return [_shape(root) for root in self.roots]

    def wrong_links(self) -> Counter[tuple[str, int]]:
        """(deed, number of links) that should be there and are not."""
        return Counter(_wanted_links(expected())) - Counter(
            pair for root in self.roots for pair in _links(root)
        )

    def missing_ways(self) -> list[str]:
        """Deeds that heard an event whose way cannot be seen: out of the speaker's outbox, through a queue."""
        return [line for root in self.roots for line in self._missing_below(root)]

    def _missing_below(self, parent: Span) -> Iterator[str]:
        for child in parent.children:
            event = child.told["name"].removeprefix("on ")
            if event != child.told["name"]:
                service, _, department = child.told["service"].partition("/")
                queue = FLOW.queue(service, department or None)
                out = self._way(parent, parent.told["service"], f"publish {event}")
                taken = self._way(parent, child.told["service"], f"receive {queue}")
                if out is None or taken is None:
                    yield f"{child.name} below {parent.name}: published {out}, received {taken}"
                elif not parent.told["start_ns"] <= out["start_ns"] <= taken["end_ns"]:
                    yield f"{child.name}: published before it was said, or after it was received"
                elif taken["start_ns"] > child.told["start_ns"]:
                    yield f"{child.name}: handled before it was received"
            yield from self._missing_below(child)

    def _way(self, said_by: Span, service: str, name: str) -> dict[str, Any] | None:
        for span in self.ways:
            linked = {link["span_id"] for link in span["links"]}
            if (span["service"], span["name"]) == (service, name) and said_by.told["span_id"] in linked:
                return span
        return None


def read(folder: Path, case_id: str) -> CaseTrace:
    """The case's trace from the span files of a run; people's reading is left out."""
    spans = [span for span in read_spans(folder) if not span["name"].startswith(READS)]
    deeds = [span for span in spans if not span["name"].startswith(WAYS)]
    return CaseTrace(trees_of(deeds, case_id), [span for span in spans if span["name"].startswith(WAYS)])


def expected() -> dict[str, Any]:
    """The tree as data."""
    told: dict[str, Any] = yaml.safe_load(EXPECTED.read_text(encoding="utf-8"))
    return told


def expected_shape() -> list[Any]:
    """One root: the trace of one case is one connected tree."""
    return [_expected(expected())]


def _shape(span: Span) -> Any:
    below = Counter(json.dumps(_shape(child), sort_keys=True) for child in span.children)
    return {"name": span.name, "children": sorted(below.elements())}


def _expected(node: dict[str, Any]) -> Any:
    children = [json.dumps(_expected(child), sort_keys=True) for child in node.get("children", [])]
    return {"name": node["name"], "children": sorted(children)}


def _links(span: Span) -> list[tuple[str, int]]:
    below = [pair for child in span.children for pair in _links(child)]
    return [(span.name, len(span.told["links"])), *below]


def _wanted_links(node: dict[str, Any]) -> list[tuple[str, int]]:
    own = [(node["name"], node["links"])] if "links" in node else []
    return own + [pair for child in node.get("children", []) for pair in _wanted_links(child)]
