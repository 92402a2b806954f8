"""Reads the span files of a run and puts one case's trace together as a tree."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.tree import Tree


@dataclass
class Span:
    """One span with those below it, oldest first."""

    told: dict[str, Any]
    children: list[Span] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What was done, and by whom."""
        return f"{self.told['service']}: {self.told['name']}"

    @property
    def milliseconds(self) -> float:
        """How long it took."""
        return float((self.told["end_ns"] - self.told["start_ns"]) / 1e6)


def read_spans(folder: Path) -> Iterator[dict[str, Any]]:
    """Every span of every process; a line that was being written is left out."""
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue


def trees_of(spans: list[dict[str, Any]], case_id: str) -> list[Span]:
    """The roots of every trace that mentions the case, each with all its spans."""
    wanted = {span["trace_id"] for span in spans if case_id in span["attributes"].values()}
    mine = {span["span_id"]: Span(span) for span in spans if span["trace_id"] in wanted}
    below: dict[str | None, list[Span]] = defaultdict(list)
    for span in mine.values():
        parent = span.told["parent_id"]
        below[parent if parent in mine else None].append(span)
    for span_id, span in mine.items():
        span.children = sorted(below[span_id], key=lambda each: each.told["start_ns"])
    return sorted(below[None], key=lambda each: each.told["start_ns"])


def drawn(roots: list[Span], title: str) -> Tree:
    """The trees as text."""
    tree = Tree(title)

    def hang(at: Tree, spans: list[Span]) -> None:
        for span in spans:
            mark = "" if span.told["status"] != "ERROR" else " [red]failed[/red]"
            links = f" [dim]+{len(span.told['links'])} links[/dim]" if span.told["links"] else ""
            hang(at.add(f"{span.name} [dim]{span.milliseconds:.1f} ms[/dim]{links}{mark}"), span.children)

    hang(tree, roots)
    return tree
