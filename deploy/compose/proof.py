"""`make test-compose`: from nothing to a healthy center in containers, the story through the gateway, accidents in the
middle of it, the audit, and everything away again. Says what it skipped and why; status 1 when something fell short.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from rich.console import Console

from deploy.compose import measured, traced
from deploy.compose.accidents import befall
from deploy.compose.engine import docker
from deploy.compose.loss import lose_and_heal
from deploy.compose.pages import PageFailed, visit
from deploy.compose.project import ComposeFailed, Project
from deploy.compose.story import composed, prepare
from deploy.servers import machine
from deploy.servers.children import free_ports
from libs.flow import FLOW

CASES = 6
BUILD_S = 1800.0
BASE = "python:3.11-slim-bookworm"
NEEDED = {
    "ONEWINDOW_BASE": BASE,
    "ONEWINDOW_POSTGRES_IMAGE": "postgres:17-bookworm",
    "ONEWINDOW_RABBITMQ_IMAGE": "rabbitmq:4.3-management",
    "ONEWINDOW_GATEWAY_IMAGE": "caddy:2",
    "ONEWINDOW_PROMETHEUS_IMAGE": "prom/prometheus:v3.5.3",
}
# Parts that stay behind a profile where their image is not given: profile, variable, image.
OPTIONAL = (
    ("alerts", "ONEWINDOW_ALERTMANAGER_IMAGE", "prom/alertmanager:v0.33.1"),
    ("dashboards", "ONEWINDOW_GRAFANA_IMAGE", "grafana/grafana:12.3.0"),
    ("collector", "ONEWINDOW_COLLECTOR_IMAGE", "otel/opentelemetry-collector:0.152.0"),
    ("traces", "ONEWINDOW_TRACES_IMAGE", "jaegertracing/jaeger:2.12.0"),
)
TRACED = {"disclosure", "intake", "fee", "supervision", "review/urban_management"}
VISITS = (
    ("applicant-01", "/intake/cases"),
    ("window-01", "/intake/desk"),
    ("applicant-01", "/fee/bills"),
    ("supervisor-01", "/supervision/cards"),
    ("water-examiner", "/review/water/desk"),
)
IMPORTS_NEIGHBOUR = """
import importlib, sys
own, *others = sys.argv[1:]
importlib.import_module(f"services.{own}.app")
for name in [*(f"services.{other}" for other in others), "deploy", "tests", "pip"]:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        continue
    sys.exit(f"{own} can import {name}")
"""


class FellShort(Exception):
    """A part of the proof did not hold."""


class Proof:
    """The steps of one run: what each took, what was skipped."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=True, width=max(110, Console().width))
        self.skipped: list[str] = []

    def skip(self, what: str, why: str) -> None:
        """Say that something is not proved here."""
        self.skipped.append(what)
        self.console.print(f"[yellow]skipped[/]  {what}: {why}")

    @contextmanager
    def step(self, what: str) -> Iterator[Callable[[str], None]]:
        """One step; the block may add what it found."""
        begun = time.monotonic()
        found: list[str] = []
        yield found.append
        more = f": {', '.join(found)}" if found else ""
        self.console.print(f"[green]held[/]     {what}{more} ({time.monotonic() - begun:.1f} s)")


def prove() -> int:
    """The whole proof; returns its status."""
    proof = Proof()
    if not machine.docker_answers():
        proof.skip("everything", "no Docker engine answers, so nothing is proved here")
        return 0
    lacking = [image for name, image in NEEDED.items() if not _there(os.environ.get(name, image))]
    if lacking:
        proof.skip("everything", f"not here and not to be pulled: {', '.join(lacking)}")
        return 0
    state = Path(tempfile.mkdtemp(prefix="onewindow-compose-"))
    port, postgres_port, rabbitmq_port = free_ports(3)
    project = Project(
        f"onewindow-test-{secrets.token_hex(3)}", "small", port, postgres_port, rabbitmq_port, state,
        (), {"ONEWINDOW_VERSION": "test"},
    )  # fmt: skip
    _choose(proof, project)
    try:
        _steps(proof, project)
    except (FellShort, PageFailed, ComposeFailed, OSError, RuntimeError, httpx.HTTPError) as short:
        proof.console.print(f"[bold red]fell short[/]  {short}", markup=True)
        _last_words(proof, project)
        return 1
    finally:
        project.down()
        shutil.rmtree(state, ignore_errors=True)
    with proof.step("nothing is left"):
        left = docker("ps", "-aq", "--filter", f"label=com.docker.compose.project={project.name}")
        left += docker("volume", "ls", "-q", "--filter", f"label=com.docker.compose.project={project.name}")
        if left.split():
            proof.console.print(f"[bold red]left behind[/]: {left.split()}")
            return 1
    return 0


def _there(image: str) -> bool:
    return machine.has_image(image) or machine.pull(image)


def _choose(proof: Proof, project: Project) -> None:
    """The profiles whose image is here."""
    for profile, variable, image in OPTIONAL:
        name = os.environ.get(variable) or image
        if machine.has_image(name):
            project.profiles += (profile,)
            project.more[variable] = name
        else:
            proof.skip(f"profile {profile}", f"image {name} is not here")
    if "collector" in project.profiles:
        project.more.update(traced.ENDPOINT)


def _steps(proof: Proof, project: Project) -> None:
    prepare(project)
    for service in FLOW.services:
        with proof.step(f"image of {service}") as tell:
            project.compose("build", f"migrate-{service}", seconds=BUILD_S)
            tell(measured.image_line(f"onewindow/{service}:test"))
    with proof.step("image of the provider") as tell:
        project.compose("build", "provider", seconds=BUILD_S)
        tell(measured.image_line("onewindow/provider:test"))
    with proof.step("image of the healer") as tell:
        project.compose("build", "healer", seconds=BUILD_S)
        tell(measured.image_line("onewindow/healer:test"))
    with proof.step("a service cannot import its neighbours, is nobody, and cannot write"):
        for service in FLOW.services:
            _walls(service)
        _nobody("onewindow/healer:test")
    watcher = measured.Watcher(project)
    try:
        _steps_up(proof, project, watcher)
    finally:
        watcher.close()


def _steps_up(proof: Proof, project: Project, watcher: measured.Watcher) -> None:
    with proof.step("compose up --wait") as tell:
        project.up()
        tell(f"{len(project.state_of())} containers, jobs included")
    proof.console.print(watcher.table())
    sink = _sink(project)
    try:
        _steps_told(proof, project, sink)
    finally:
        if sink:
            sink.close()
    proof.console.print("and afterwards:")
    proof.console.print(watcher.table())


def _sink(project: Project) -> traced.Sink | None:
    """What takes the collector's spans where no trace store's image is here."""
    if "collector" not in project.profiles or "traces" in project.profiles:
        return None
    return traced.Sink(project, project.more["ONEWINDOW_COLLECTOR_IMAGE"])


def _steps_told(proof: Proof, project: Project, sink: traced.Sink | None) -> None:
    with proof.step("ports are open on 127.0.0.1 only"):
        _only_loopback(project)
    with proof.step("a person logs in with a browser's means") as tell:
        links = [asyncio.run(visit(project, *each)) for each in VISITS]
        tell(f"{len(VISITS)} pages, {sum(links)} links followed")
    with proof.step("the story through the gateway, with two accidents") as tell:
        cases = asyncio.run(_story(proof, project, tell))
    if sink is None:
        proof.skip("spans through the collector", "no image of a collector, or a trace store keeps them")
        return
    with proof.step("spans go through the collector") as tell:
        tell(traced.collected(project, sink, cases, TRACED))


def _walls(service: str) -> None:
    others = [name for name in FLOW.services if name != service]
    run = (
        "run",
        "--rm",
        "--network",
        "none",
        "--read-only",
        "--entrypoint",
        "python",
        f"onewindow/{service}:test",
    )
    docker(*run, "-c", IMPORTS_NEIGHBOUR, service, *others)
    _nobody(f"onewindow/{service}:test")


def _nobody(image: str) -> None:
    look = "import os; print(os.getuid(), os.access('/app', os.W_OK), os.access('/tmp', os.W_OK))"
    who = docker(
        "run", "--rm", "--network", "none", "--read-only", "--entrypoint", "python", image, "-c", look
    )
    if who.split() != ["10001", "False", "False"]:
        raise FellShort(f"{image} runs as {who!r}")


def _only_loopback(project: Project) -> None:
    published = docker(
        "ps", "--filter", f"label=com.docker.compose.project={project.name}", "--format", "{{.Ports}}"
    )
    if "0.0.0.0" in published or "[::]" in published:
        raise FellShort(f"published to everybody: {published}")


async def _story(proof: Proof, project: Project, tell: Callable[[str], None]) -> list[str]:
    """Tell it; the cases it told of."""
    async with composed(project) as (center, cast):
        accidents = asyncio.create_task(befall(proof, center))
        told = await center.tell(cast, proof.console, most=CASES)
        await accidents
        with proof.step("what a queue lost is found and sent again") as say:
            say(await lose_and_heal(center, cast))
        report = await center.attached.audit()
        for line in report.lines():
            proof.console.print(line, markup=False)
        if not told or not report.clean:
            raise FellShort("the story was not told to its end, or the audit disagrees")
        tell(f"{CASES} applications, {cast.acts} acts, {cast.retries} sent again")
        return center.case_ids


def _last_words(proof: Proof, project: Project) -> None:
    try:
        proof.console.print(project.compose("ps", "--all"), markup=False)
        proof.console.print(project.compose("logs", "--tail", "12"), markup=False)
    except ComposeFailed as silent:
        proof.console.print(str(silent), markup=False)
