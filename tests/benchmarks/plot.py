"""Draws a stored run: ``python tests/benchmarks/plot.py bench.json bench.svg`` in the peers' environment."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot

COLOURS = {
    "standard": "#00703c", "celery": "#d4351c", "restate": "#1d70b8", "dbos": "#4c2c92", "naive": "#505a5f",
    "full_chain": "#f47738",
}  # fmt: skip


def _series(results: list[dict[str, Any]], value: str) -> dict[str, list[tuple[int, float]]]:
    return {
        result["workload"]: sorted((each["n"], each[value]) for each in result["figures"])
        for result in results
        if result["figures"] and result["workload"] in COLOURS
    }


def draw(run: dict[str, Any], path: Path) -> None:
    """Two panels: cases per second, and CPU per case, by departments; both logarithmic."""
    results = [*run["workloads"], *run["peers"]]
    pyplot.rcParams["svg.hashsalt"] = "onewindow"
    figure, panels = pyplot.subplots(1, 2, figsize=(10, 4.2))
    titles = (
        ("cases_s", "Cases per second, saturated"),
        ("cpu_ms", "CPU milliseconds per case, everything included"),
    )
    for panel, (value, title) in zip(panels, titles, strict=True):
        for name, points in _series(results, value).items():
            panel.plot(*zip(*points, strict=True), marker="o", color=COLOURS[name], label=name)
            panel.annotate(
                f"{points[0][1]:.3g}", points[0], textcoords="offset points", xytext=(0, 6), fontsize=8
            )
        panel.set(title=title, xlabel="departments that decide a case", xscale="log", yscale="log")
        panel.set_xticks([4, 16, 64], ["4", "16", "64"])
        panel.minorticks_off()
        panel.grid(alpha=0.3, which="both")
    panels[0].legend(fontsize=8)
    figure.suptitle(f"{run['machine']['cores']} cores, {run['machine']['at'][:10]}, commit {run['machine']['commit']}",
                    fontsize=9)  # fmt: skip
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
