"""``make prove-operate``: what operators rely on, each figure beside its bound; status 1 if one falls short."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from deploy.launcher.traces import read_spans
from deploy.servers import machine
from tests.center import WholeCenter, whole_center
from tests.flow import case_trace
from tests.k8s.api_server import GIVEN, PROGRAMS
from tests.operate.asked import (
    PROMETHEUS,
    ROOT,
    RULE_TESTS,
    RULES,
    RUNBOOKS,
    Asked,
    alerts,
    choices,
    needed_by_alerts,
    recorded,
    targets,
)
from tests.operate.load import LEAD, work
from tests.operate.proof import Figure, Result, Skipped, Step, all_of, carried_out, told
from tests.operate.watching import Watcher, installed, watching
from tests.waiting import until

COLLECTOR_IMAGE = "otel/opentelemetry-collector:latest"
PATIENCE_S = 60
TARGETS_S = 3600


def promtool_checks() -> Figure:
    """The configuration and every file of rules."""
    said = _promtool("check", "config", "--lint=all", str(PROMETHEUS / "prometheus.yml"))
    return all_of(said.count("SUCCESS"), 2 + len(RULES), () if "FAILED" not in said else (said[-1500:],))


def promtool_tests() -> Figure:
    """The unit tests of the alerts."""
    said = _promtool("test", "rules", *map(str, RULE_TESTS))
    return all_of(said.count("SUCCESS"), len(RULE_TESTS), () if "FAILED" not in said else (said[-1500:],))


def _promtool(*arguments: str) -> str:
    if not shutil.which("promtool"):
        raise Skipped("no promtool here: apt-get install -y prometheus")
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def alerts_with_runbook() -> Figure:
    """A page with first steps per alert."""
    pages = [RUNBOOKS / f"{name}.md" for name in alerts()]
    found = [path for path in pages if path.exists() and "## First steps" in path.read_text(encoding="utf-8")]
    return all_of(len(found), len(pages), (path.name for path in pages if path not in found))


def target(name: str) -> Figure:
    """Another target of the Makefile, when it is there; its own output goes through."""
    if not re.search(rf"^{name}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE):
        raise Skipped(f"this checkout has no `make {name}`")
    status = subprocess.run(["make", "-C", str(ROOT), name], check=False, timeout=TARGETS_S).returncode
    return Figure(f"status {status}", "status 0", status == 0)


def compose() -> Figure:
    """The whole center in containers."""
    if machine.engine() is None:
        raise Skipped("no container engine answers")
    return target("test-compose")


def generations() -> Figure:
    """The suite on both generations of RabbitMQ and of PostgreSQL."""
    if machine.engine() is None:
        raise Skipped("no container engine answers")
    return target("test-generations")


def kubernetes() -> Figure:
    """Strict schemas of both overlays, and nothing unused."""
    if importlib.util.find_spec("deploy.kubernetes") is None:
        raise Skipped("this checkout has no deploy.kubernetes")
    command = [sys.executable, "-m", "deploy.kubernetes", "check"]
    status = subprocess.run(command, cwd=ROOT, check=False, timeout=TARGETS_S).returncode
    return Figure(f"status {status}", "status 0", status == 0)


def on_api_server() -> Figure:
    """Both overlays really applied to an API server, when one is given."""
    if not (os.environ.get(GIVEN) or os.environ.get(PROGRAMS)):
        raise Skipped(f"no API server given: neither {PROGRAMS} nor {GIVEN} is set (docs/kubernetes.md)")
    command = [sys.executable, "-m", "pytest", "-q", "tests/k8s/test_api_server.py"]
    status = subprocess.run(command, cwd=ROOT, check=False, timeout=TARGETS_S).returncode
    return Figure(f"status {status}", "status 0", status == 0)


def rehearsed() -> Figure:
    """Pods of the local overlay in containers, with their own users, rights, mounts, Jobs and probes."""
    if machine.engine() is None:
        raise Skipped("no container engine answers")
    command = [sys.executable, "-m", "deploy.kubernetes", "rehearse"]
    status = subprocess.run(command, cwd=ROOT, check=False, timeout=TARGETS_S).returncode
    return Figure(f"status {status}", "status 0", status == 0)


def collector() -> Figure:
    """The collector's own judgement of its configuration."""
    if not machine.has_image(COLLECTOR_IMAGE):
        raise Skipped(f"no image {COLLECTOR_IMAGE} here")
    mount = f"{ROOT / 'deploy' / 'collector'}:/etc/otelcol:ro"
    command = [str(machine.engine()), "run", "--rm", "-v", mount, COLLECTOR_IMAGE]
    done = subprocess.run(
        [*command, "validate", "--config=/etc/otelcol/config.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )
    return Figure(f"status {done.returncode}", "status 0", done.returncode == 0, (done.stderr[-800:],))


def grafana() -> Figure:
    """Grafana itself drawing the dashboards."""
    raise Skipped(
        "no Grafana to be had from a package registry; panels are asked of a live Prometheus instead"
    )


class Live:
    """Steps on one center at work, watched by Prometheus: one story serves them all."""

    def __init__(self, center: WholeCenter, watcher: Watcher, case_id: str) -> None:
        self._center = center
        self._watcher = watcher
        self._case_id = case_id

    def steps(self) -> list[Step]:
        """What is asked of it."""
        return [
            Step("panels with data", lambda: self._with_data(targets({"department": LEAD}))),
            Step("recording rules with data", lambda: self._with_data(recorded())),
            Step("series that alerts look at", lambda: self._with_data(needed_by_alerts())),
            Step("dashboards' variables with values", self._variables),
            Step("rules that failed to evaluate", self._unhealthy),
            Step("pages while all is well", self._pages),
            Step("traces reached from a panel", self._exemplars),
            Step("roots of one granted case's trace", self._one_tree),
            Step("its span tree as expected", self._as_expected),
            Step("events whose way through outbox and broker is missing", self._ways),
        ]

    def processes(self) -> Table:
        """What every process took, from its start to now."""
        memory = self._watcher.by_process("process_resident_memory_bytes") | self._watcher.by_process(
            "rabbitmq_process_resident_memory_bytes"
        )
        seconds = self._watcher.by_process("process_cpu_seconds_total")
        table = Table("process", "memory, MB", "CPU, s", box=None, header_style="bold", pad_edge=False)
        for name, taken in sorted(memory.items()):
            table.add_row(name, f"{taken / 1e6:.0f}", f"{seconds[name]:.1f}" if name in seconds else "–")
        return table

    def _with_data(self, wanted: list[Asked]) -> Figure:
        left = list(wanted)

        def nothing_left() -> bool:
            left[:] = [each for each in left if not self._watcher.has_data(each.expr)]
            return not left

        until(nothing_left, seconds=PATIENCE_S, must=False)
        return all_of(len(wanted) - len(left), len(wanted), (f"{each.where}: {each.expr}" for each in left))

    def _variables(self) -> Figure:
        found = [each for each in choices() if any(self._watcher.values(each.label, each.metric))]
        return all_of(len(found), len(choices()))

    def _unhealthy(self) -> Figure:
        names = self._watcher.unhealthy_rules()
        return Figure(str(len(names)), "0", not names, tuple(names))

    def _pages(self) -> Figure:
        names = self._watcher.firing("page")
        return Figure(str(len(names)), "0", not names, tuple(names))

    def _exemplars(self) -> Figure:
        shown = self._watcher.exemplar_traces("permit_http_request_seconds_bucket")
        kept = {span["trace_id"] for span in read_spans(self._folder)}
        return Figure(str(len(shown & kept)), "≥ 1", bool(shown & kept))

    @property
    def _folder(self) -> Path:
        return self._center.center.run_dir / "traces"

    def _trace(self) -> case_trace.CaseTrace:
        wanted = case_trace.expected_shape()
        until(lambda: case_trace.read(self._folder, self._case_id).shape == wanted, seconds=30, must=False)
        return case_trace.read(self._folder, self._case_id)

    def _one_tree(self) -> Figure:
        roots = self._trace().roots
        return Figure(str(len(roots)), "1", len(roots) == 1, tuple(root.name for root in roots))

    def _as_expected(self) -> Figure:
        found = self._trace()
        differs = 0 if found.shape == case_trace.expected_shape() else 1
        links = sum(found.wrong_links().values())
        details = tuple(f"missing: {deed} with {number} links" for deed, number in found.wrong_links())
        return Figure(f"{differs} trees, {links} links differ", "0, 0", not differs and not links, details)

    def _ways(self) -> Figure:
        missing = self._trace().missing_ways()
        return Figure(str(len(missing)), "0", not missing, tuple(missing))


@contextmanager
def at_work(folder: Path) -> Iterator[Live]:
    """A whole center, Prometheus over it, and some cases through it."""
    with whole_center(folder / "center") as center, watching(center.center, folder / "prometheus") as watcher:
        story, granted = work(center, 7)
        yield Live(center, watcher, story.case_ids[granted])


def live(console: Console) -> list[Result]:
    """The steps that need a center, or one line that says why there is none; prints what its processes took."""
    if installed() is None:
        why = "no Prometheus here: apt-get install -y prometheus"
        return [Result("a center at work under Prometheus", "skipped", None, why, 0)]
    with tempfile.TemporaryDirectory(prefix="onewindow-operate-") as folder, at_work(Path(folder)) as found:
        results = [carried_out(step) for step in found.steps()]
        console.print(found.processes())
        return results


BEFORE = (
    Step("configuration and rule files valid", promtool_checks),
    Step("files of alert tests passed", promtool_tests),
    Step("alerts with a runbook", alerts_with_runbook),
    Step("collector's configuration", collector),
    Step("dashboards drawn by Grafana", grafana),
)
AFTER = (
    Step("Kubernetes manifests", kubernetes),
    Step("manifests on a real API server", on_api_server),
    Step("policies over the manifests (checkov)", lambda: target("lint-k8s")),
    Step("Dockerfiles (hadolint)", lambda: target("lint-images")),
    Step("bills of materials", lambda: target("sbom")),
    Step("pods as their manifests describe them", rehearsed),
    Step("the center in containers", compose),
    Step("both generations of RabbitMQ and PostgreSQL", generations),
)


def main(arguments: list[str]) -> int:
    """Everything that can run here; with ``--quick`` nothing that takes containers or another proof."""
    console = Console(highlight=False, width=120)
    results = [*map(carried_out, BEFORE), *live(console)]
    if "--quick" in arguments:
        results += [Result(step.name, "skipped", None, "asked to be quick", 0) for step in AFTER]
    else:
        results += map(carried_out, AFTER)
    return 0 if told(results, console) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
