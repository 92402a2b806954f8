"""``python -m tests.benchmarks``: run the workloads and the peers, print and store what was measured.

Ends with status 1 when any result is wrong, 2 when nothing was run.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks import report
from tests.benchmarks.options import Options, Result
from tests.benchmarks.processes import ROOT
from tests.benchmarks.rivals import PEERS, PYTHON, run_peers

WORKLOADS = ("standard", "full_chain", "http_door")
ON_DEMAND = ("memory",)  # minutes, and no figure the lines at the end need


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--workload", default="all", choices=["all", *WORKLOADS, "peers", *ON_DEMAND])
    parser.add_argument(
        "--peer", action="append", choices=[peer.name for peer in PEERS], help="only these peers"
    )
    parser.add_argument("--n", default="4,16,64", help="departments, comma separated")
    parser.add_argument(
        "--quick", action="store_true", help="seconds instead of minutes; figures mean little"
    )
    parser.add_argument(
        "--out", type=Path, help="where to store JSON and plot (default: tests/benchmarks/results)"
    )
    parser.add_argument("--keep", action="store_true", help="keep logs of the run")
    return parser.parse_args()


async def run(asked: argparse.Namespace, folder: Path) -> tuple[list[Result], list[Result]]:
    """Workloads first, then the peers: all in one run, one after the other."""
    options = Options(
        run_dir=folder, departments=tuple(int(n) for n in asked.n.split(",")), quick=asked.quick, tell=_tell
    )
    wanted = WORKLOADS if asked.workload == "all" else (asked.workload,)
    workloads = []
    for name in wanted:
        if name != "peers":
            workloads.append(await importlib.import_module(f"tests.benchmarks.{name}").run(options))
    peers = await run_peers(options, asked.peer) if asked.workload in ("all", "peers") else []
    return workloads, peers


def _tell(line: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {line}", flush=True)


def _draw(stored: Path) -> str:
    """Draw the run beside its JSON; the peers' environment has what draws."""
    picture = stored.with_suffix(".svg")
    if not PYTHON.exists():
        return "not drawn: the peers' environment is not there"
    command = [str(PYTHON), str(ROOT / "tests" / "benchmarks" / "plot.py"), str(stored), str(picture)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return str(picture) if done.returncode == 0 else f"not drawn: {done.stderr.strip()[-300:]}"


def main() -> int:
    """Run and report."""
    asked = arguments()
    folder = Path(tempfile.mkdtemp(prefix="onewindow-bench-"))
    folder.chmod(0o755)  # the servers' accounts look into it
    try:
        workloads, peers = asyncio.run(run(asked, folder))
    finally:
        if asked.keep:
            _tell(f"logs are kept in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    everything = [*workloads, *peers]
    said = report.lines(workloads, peers)
    stored = (asked.out or report.RESULTS) / ("quick.json" if asked.quick else f"{asked.workload}.json")
    report.store(stored, workloads, peers, said)
    print("\n".join(report.table(everything)))
    for result in everything:
        for note in [*result.notes, *([f"skipped: {result.skipped}"] if result.skipped else [])]:
            print(f"{result.workload}: {note}")
    print(f"stored: {stored}, {_draw(stored)}")
    breaches = [breach for result in everything for breach in result.breaches]
    for breach in breaches:
        print(f"WRONG {breach}")
    print("\n".join(said))
    return 1 if breaches else 0 if any(result.figures for result in everything) else 2


if __name__ == "__main__":
    sys.exit(main())
