"""What must have come out: every case decided once, by exactly its departments, each of which decided once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

SHOWN = 5


@dataclass
class Outcome:
    """What the databases hold at the end.

    ``decided`` has one (case, its departments, outcome) per row the window stored; ``decisions`` one
    (case, outcome) per row a department stored; ``left`` counts by name what should not be there (parked, set
    aside, unsent).
    """

    decided: Sequence[tuple[str, Sequence[str], str]]
    decisions: Mapping[str, Sequence[tuple[str, str]]]
    left: Mapping[str, int] = field(default_factory=dict)


def breaches(cases: Iterable[str], departments: Sequence[str], outcome: Outcome) -> list[str]:
    """Everything that is wrong, one sentence per kind with examples; empty when the run counts."""
    expected = set(cases)
    found = _counted("decided by the window", expected, Counter(case for case, *_ in outcome.decided))
    wanted = sorted(departments)
    found += _examples(
        "not decided by exactly its departments",
        [case for case, by, _ in outcome.decided if sorted(by) != wanted],
    )
    objected: set[str] = set()
    for department in departments:
        rows = outcome.decisions.get(department, [])
        found += _counted(f"decided by {department}", expected, Counter(case for case, _ in rows))
        objected.update(case for case, said in rows if said != "consent")
    found += _examples(
        "with an outcome its departments did not give",
        [case for case, _, said in outcome.decided if said != ("refused" if case in objected else "granted")],
    )
    found += [f"{count} {name}" for name, count in outcome.left.items() if count]
    return found


def _counted(what: str, expected: set[str], times: Counter[str]) -> list[str]:
    return [
        *_examples(f"never {what}", sorted(expected - times.keys())),
        *_examples(f"{what} more than once", [case for case, count in times.items() if count > 1]),
        *_examples(f"{what} though never submitted", sorted(times.keys() - expected)),
    ]


def _examples(what: str, cases: Sequence[str]) -> list[str]:
    if not cases:
        return []
    return [f"{len(cases)} cases {what}: {', '.join(cases[:SHOWN])}{' …' if len(cases) > SHOWN else ''}"]
