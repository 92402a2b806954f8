"""Steps of a proof: each measures one figure and puts it beside its bound, or says why it could not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


class Skipped(Exception):
    """A step that cannot run here; the text says why."""


@dataclass(frozen=True)
class Figure:
    """What was measured, what it must be, and whether it is; ``details`` name what falls short."""

    measured: str
    bound: str
    fine: bool
    details: tuple[str, ...] = ()


def all_of(found: int, wanted: int, missing: Iterable[str] = ()) -> Figure:
    """``found`` of ``wanted``: all or it falls short, and none wanted is none proven."""
    return Figure(f"{found}/{wanted}", f"{wanted}/{wanted}", found == wanted and wanted > 0, tuple(missing))


@dataclass(frozen=True)
class Step:
    """One line of the proof."""

    name: str
    measure: Callable[[], Figure]


@dataclass(frozen=True)
class Result:
    """What came of a step."""

    name: str
    verdict: str
    figure: Figure | None
    why: str
    seconds: float


def carried_out(step: Step) -> Result:
    """Run the step; what it raises is its failure, not the end of the proof."""
    begun = time.monotonic()

    def result(verdict: str, figure: Figure | None, why: str) -> Result:
        return Result(step.name, verdict, figure, why, time.monotonic() - begun)

    try:
        figure = step.measure()
    except Skipped as why:
        return result("skipped", None, str(why))
    except Exception as failed:
        return result("FAILED", None, f"{type(failed).__name__}: {failed}"[:2000])
    return result("ok" if figure.fine else "SHORT", figure, "\n".join(figure.details))


def told(results: Iterable[Result], console: Console) -> bool:
    """Print every figure beside its bound, then what fell short or was skipped; whether none fell short."""
    results = list(results)
    table = Table("what", "measured", "bound", "", "s", box=None, header_style="bold", pad_edge=False)
    for each in results:
        measured, bound = (each.figure.measured, each.figure.bound) if each.figure else ("–", "–")
        table.add_row(each.name, measured, bound, each.verdict, f"{each.seconds:.0f}")
    console.print(table)
    for each in results:
        if each.why:
            console.print(f"{each.name}: {each.verdict}: {each.why}", markup=False, soft_wrap=True)
    return all(each.verdict in ("ok", "skipped") for each in results)
