"""What the audit found: one row per invariant, with what was counted and every breach."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from deploy.audit.snapshot import Snapshot
from libs.flow import Flow

SHOWN_BREACHES = 20


@dataclass
class Finding:
    """One invariant: how much was looked at, by what name, and what is wrong. Breaches are sentences."""

    invariant: str
    title: str
    counted: dict[str, int] = field(default_factory=dict)
    breaches: list[str] = field(default_factory=list)

    def count(self, what: str, number: int = 1) -> None:
        """Something was looked at."""
        self.counted[what] = self.counted.get(what, 0) + number

    def breach(self, sentence: str) -> None:
        """Something is wrong."""
        self.breaches.append(sentence)

    def expect(self, holds: bool, sentence: str) -> None:
        """A breach unless it holds."""
        if not holds:
            self.breach(sentence)


Check = Callable[[Snapshot, Flow], Finding]


@dataclass(frozen=True)
class Report:
    """All invariants."""

    findings: tuple[Finding, ...]

    @property
    def clean(self) -> bool:
        """No breach anywhere."""
        return not any(finding.breaches for finding in self.findings)

    def breaches_of(self, invariant: str) -> list[str]:
        """The breaches of one invariant."""
        meant = (finding for finding in self.findings if finding.invariant == invariant)
        return [text for finding in meant for text in finding.breaches]

    def to_json(self) -> str:
        """For programs."""
        rows = [
            {
                "invariant": each.invariant,
                "title": each.title,
                "counted": each.counted,
                "breaches": each.breaches,
            }
            for each in self.findings
        ]
        return json.dumps({"clean": self.clean, "invariants": rows}, ensure_ascii=False, indent=2)

    def lines(self) -> Iterator[str]:
        """For people: one row per invariant, its breaches below it."""
        for each in self.findings:
            counted = ", ".join(f"{number} {what}" for what, number in each.counted.items())
            counted = counted or "nothing to look at"
            mark = "ok    " if not each.breaches else "BREACH"
            yield f"{each.invariant:<4} {mark} {each.title:<34} {counted}"
            yield from (f"       - {text}" for text in each.breaches[:SHOWN_BREACHES])
            if len(each.breaches) > SHOWN_BREACHES:
                yield f"       - and {len(each.breaches) - SHOWN_BREACHES} more"
        yield "The audit agrees." if self.clean else "The audit does not agree."
