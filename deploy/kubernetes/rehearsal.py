"""``python -m deploy.kubernetes rehearse``: the local overlay's pods in containers, as its manifests describe them.

No cluster answers here, but an engine may: each pod's containers run with its own user, read-only root, dropped
capabilities, mounts, limits, commands and settings, its Jobs first, and its probes are asked. What only a cluster
has (admission, network policies, scheduling) is not rehearsed.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deploy.kubernetes.check import built
from deploy.kubernetes.containers import Engine, arguments, mounts
from deploy.kubernetes.houses import ROOT
from deploy.kubernetes.kustomize import Object
from deploy.kubernetes.probes import holds
from deploy.kubernetes.workloads import Pod, of_kind, pods, selects

HOUSES = ("disclosure", "intake", "fee", "supervision", "review-fire")
SERVERS = ("StatefulSet/postgres", "StatefulSet/rabbitmq", "Deployment/provider")
OTHERS = ("Deployment/gateway", "Deployment/healer")
READY_S = 180.0
JOB_S = 180.0


class NotRehearsed(Exception):
    """A pod did not do what its manifest promises; the text holds the end of its log."""


class Rehearsal:
    """One run on one engine: its own network, files and containers, all removed at the end."""

    def __init__(self, engine: Engine, objects: Sequence[Object], folder: Path) -> None:
        self._engine = engine
        self._objects = objects
        self._folder = folder
        self._pods = {pod.name: pod for pod in pods(objects)}
        self._started: list[str] = []
        self.ready: dict[str, float] = {}

    def play(self) -> None:
        """Servers, Jobs, services, gateway: each ready or done before the next."""
        self._write_files()
        for name in SERVERS:
            self._start(self._pods[name])
        for name in SERVERS:
            self._wait(self._pods[name])
        self._run_to_end(self._pods["Job/databases"])
        for name in sorted(self._pods):
            if name.startswith("Job/") and "-migration" in name:  # of every house: the healer reads them all
                self._run_to_end(self._pods[name])
        for house in HOUSES:
            self._start(self._pods[f"Deployment/{house}"])
        for house in HOUSES:
            self._wait(self._pods[f"Deployment/{house}"])
        for other in OTHERS:
            self._start(self._pods[other])
        for other in OTHERS:
            self._wait(self._pods[other])

    def through_the_gateway(self) -> dict[str, int]:
        """What the one address answers: the portal, and a door that is only for machines."""
        at = f"http://{self._engine.address(self._container('Deployment/gateway'))}:8080"
        paths = ("/disclosure/", "/intake/", "/review/fire/", "/intake/metrics", "/nowhere")
        return {path: self._engine.status(f"{at}{path}") for path in paths}

    def memory(self) -> dict[str, str]:
        """Memory of each running container beside its limit."""
        return {name: self._engine.memory(self._container(name)) for name in self.ready}

    def end(self) -> None:
        """Remove every container and the network."""
        for name in reversed(self._started):
            self._engine.remove(name)
        self._engine.remove_network()

    def _container(self, pod: str) -> str:
        return f"{self._engine.network}-{pod.partition('/')[2]}"

    def _write_files(self) -> None:
        for each in of_kind(self._objects, "Secret", "ConfigMap"):
            place = self._folder / each["kind"] / each["metadata"]["name"]
            place.mkdir(parents=True)
            for key, value in (each.get("data") or {}).items():
                raw = base64.b64decode(value) if each["kind"] == "Secret" else value.encode()
                (place / key).write_bytes(raw)
                (place / key).chmod(0o444)

    def _variables(self, container: Mapping[str, Any]) -> dict[str, str]:
        found: dict[str, str] = {}
        for source in container.get("envFrom", []):
            (told,) = [
                each for each in of_kind(self._objects, "ConfigMap")
                if each["metadata"]["name"] == source["configMapRef"]["name"]
            ]  # fmt: skip
            found |= told["data"]
        return found | {each["name"]: each["value"] for each in container.get("env", [])}

    def _names(self, pod: Pod) -> list[str]:
        found = []
        for each in of_kind(self._objects, "Service"):
            if selects({"matchLabels": each["spec"]["selector"]}, pod.labels):
                name = each["metadata"]["name"]
                found += [name, f"{name}.onewindow.svc"]
        return found

    def _command(self, pod: Pod, container: Mapping[str, Any], name: str) -> list[str]:
        assert pod.spec is not None
        self._started.append(name)
        bound = mounts(pod, container, self._folder)
        return arguments(pod.spec, container, bound, self._variables(container), name, self._names(pod))

    def _start(self, pod: Pod) -> None:
        assert pod.spec is not None
        for container in pod.spec.get("initContainers", []):
            self._finish(pod, container, f"{self._container(pod.name)}-{container['name']}")
        (container,) = pod.spec["containers"]
        self._engine.run(self._command(pod, container, self._container(pod.name)))

    def _run_to_end(self, pod: Pod) -> None:
        assert pod.spec is not None
        (container,) = pod.spec["containers"]
        begun = time.monotonic()
        self._finish(pod, container, self._container(pod.name))
        print(f"done  {pod.name:<40} {time.monotonic() - begun:5.1f} s", flush=True)

    def _finish(self, pod: Pod, container: Mapping[str, Any], name: str) -> None:
        self._engine.run(self._command(pod, container, name))
        status = self._engine.wait(name, JOB_S)
        if status != 0:
            raise NotRehearsed(f"{pod.name}: status {status}\n{self._engine.log(name)}")

    def _wait(self, pod: Pod) -> None:
        assert pod.spec is not None
        (container,) = pod.spec["containers"]
        name, begun = self._container(pod.name), time.monotonic()
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            while not holds(self._engine, name, container, container[probe]):
                if time.monotonic() - begun > READY_S or not self._engine.alive(name):
                    raise NotRehearsed(f"{pod.name}: {probe} fails\n{self._engine.log(name)}")
                time.sleep(0.5)
        self.ready[pod.name] = time.monotonic() - begun
        print(f"ready {pod.name:<40} {self.ready[pod.name]:5.1f} s", flush=True)


def rehearse() -> int:
    """Play it and print what came of it; 0 when nothing fell short, or when no engine answers."""
    if shutil.which("docker") is None or subprocess.run(["docker", "info"], capture_output=True).returncode:
        print("skipped: no container engine answers, so no pod was rehearsed")
        return 0
    if os.geteuid() != 0:
        print("skipped: only root can hand a folder over to a pod's group, so no pod was rehearsed")
        return 0
    objects = built("local")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        engine = Engine(f"rehearsal-{int(time.time())}", ROOT)
        engine.need(sorted({c["image"] for pod in pods(objects) for c in pod.containers()}))
        engine.make_network()
        rehearsal = Rehearsal(engine, objects, Path(folder))
        try:
            rehearsal.play()
            answers, memory = rehearsal.through_the_gateway(), rehearsal.memory()
        except NotRehearsed as reason:
            print(f"NOT   {reason}")
            return 1
        finally:
            rehearsal.end()
    for name, used in memory.items():
        print(f"      {name:<40} {used}")
    wanted = {
        "/disclosure/": 200,
        "/intake/": 401,
        "/review/fire/": 401,
        "/intake/metrics": 404,
        "/nowhere": 404,
    }
    print(f"{'ok  ' if answers == wanted else 'NOT '}  through the gateway {answers}, bound {wanted}")
    print(
        f"ok    {len(rehearsal.ready)} pods ready by their own probes, bound {len(SERVERS) + len(HOUSES) + len(OTHERS)}"
    )
    return 0 if answers == wanted else 1
