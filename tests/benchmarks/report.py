"""What `make bench` prints and stores: the figures as JSON, and one line per workload and size."""

from __future__ import annotations

import json
import math
import os
import platform
import re
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.benchmarks.options import Figures, Result
from tests.benchmarks.processes import ROOT

RESULTS = ROOT / "tests" / "benchmarks" / "results"


def lines(workloads: Sequence[Result], peers: Sequence[Result]) -> list[str]:
    """The last lines of a run; a ratio to Celery at another size, or to none, says so by its number (nan)."""
    celery = next((peer for peer in peers if peer.workload == "celery"), None)
    return [_line(result.workload, figures, celery) for result in workloads for figures in result.figures]


def _line(workload: str, figures: Figures, celery: Result | None) -> str:
    rival = _nearest(figures.n, celery)
    rate = figures.cases_s / rival.cases_s if rival else math.nan
    cpu = rival.cpu_ms / figures.cpu_ms if rival and figures.cpu_ms else math.nan
    return (
        f"bench {workload} n={figures.n} cases_s={figures.cases_s:.1f} cpu_ms={figures.cpu_ms:.3f} "
        f"celery_rate_ratio={rate:.1f} celery_cpu_ratio={cpu:.1f}"
    )


def _nearest(n: int, result: Result | None) -> Figures | None:
    """Celery's figures at the same size; at the nearest for a workload with a size of its own."""
    every = result.figures if result else []
    return min(every, key=lambda figures: abs(figures.n - n), default=None)


def table(results: Sequence[Result]) -> list[str]:
    """A line of text per workload and size, with what people look at first."""
    head = (
        "workload",
        "n",
        "cases/s",
        "CPU ms",
        "p50/p99 at 20/s",
        "at 200/s",
        "commits",
        "WAL B",
        "others' cores",
    )
    rows = [head]
    for result in results:
        for figures in result.figures:
            details = figures.details
            rows.append((
                result.workload, str(figures.n), f"{figures.cases_s:.1f}", f"{figures.cpu_ms:.2f}",
                _pair(details, 20), _pair(details, 200), str(details.get("commits", "")),
                str(details.get("wal_bytes", "")), str(details.get("other_cores", "")),
            ))  # fmt: skip
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]


def _pair(details: dict[str, Any], rate: int) -> str:
    p50, p99 = details.get(f"p50_ms_at_{rate}"), details.get(f"p99_ms_at_{rate}")
    return "" if p50 is None else f"{p50}/{p99}"


def machine() -> dict[str, Any]:
    """What it ran on."""
    cpu = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "cpu": cpu.group(1) if cpu else platform.processor(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "commit": _commit(),
    }


def _commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def store(path: Path, workloads: Sequence[Result], peers: Sequence[Result], said: Sequence[str]) -> None:
    """Write the run as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "machine": machine(),
        "workloads": [result.plain() for result in workloads],
        "peers": [result.plain() for result in peers],
        "lines": list(said),
    }
    path.write_text(
        json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8"
    )
