"""What a workload is told and what it hands back: the one interface between `make bench` and its workloads.

A workload is a module with ``async def run(options: Options) -> Result``. It starts its own servers (see
`tests.benchmarks.servers`), measures with `tests.benchmarks.meters`, checks what came out and names every
breach; a result with a breach ends the run with status 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Options:
    """One run of `make bench`.

    ``departments`` are the sizes N to run (a workload whose N is fixed by its item takes no notice);
    ``quick`` asks for a run of seconds, whose figures mean little; ``run_dir`` is this run's own folder;
    ``tell`` prints a line of progress.
    """

    run_dir: Path
    departments: tuple[int, ...] = (4, 16, 64)
    quick: bool = False
    tell: Callable[[str], None] = print

    def folder(self, name: str) -> Path:
        """A fresh folder below ``run_dir``."""
        made = self.run_dir / name
        made.mkdir(parents=True)
        return made


@dataclass
class Figures:
    """The figures of one size: the two that are compared, and all others by name (JSON values).

    ``cpu_ms`` is CPU of all processes, broker and database included, per case (per request at a door).
    Names other workloads share: ``cpu_by_kind`` (ms per case of python, postgresql, rabbitmq, ...),
    ``commits`` and ``wal_bytes`` per case, ``p50_ms_at_20``, ``p99_ms_at_20``, ``p50_ms_at_200``,
    ``p99_ms_at_200``, ``own_cores``, ``other_cores`` (mean, during the saturated part), ``cases``, ``seconds``.
    """

    n: int
    cases_s: float
    cpu_ms: float
    details: dict[str, Any] = field(default_factory=dict)


@dataclass
class Result:
    """What a workload measured. ``breaches`` is empty when what came out is right; ``skipped`` says why nothing ran."""

    workload: str
    figures: list[Figures] = field(default_factory=list)
    breaches: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    skipped: str | None = None

    def of(self, n: int) -> Figures | None:
        """The figures of one size, if it was run."""
        return next((figures for figures in self.figures if figures.n == n), None)

    def plain(self) -> dict[str, Any]:
        """JSON."""
        return asdict(self)
