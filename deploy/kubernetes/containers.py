"""A pod's containers for a container engine: the same user, root, rights, mounts and limits."""

from __future__ import annotations

import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deploy.kubernetes.workloads import Pod

_DOCKERFILES = {"provider": "deploy/provider/Dockerfile", "healer": "deploy/healing/Dockerfile"}


class Engine:
    """Docker's command line, with a network of our own."""

    def __init__(self, network: str, root: Path) -> None:
        self.network = network
        self._root = root

    def _ask(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["docker", *arguments], capture_output=True, text=True, check=False, timeout=timeout
        )

    def _do(self, *arguments: str, timeout: float = 600) -> str:
        done = self._ask(*arguments, timeout=timeout)
        if done.returncode:
            raise RuntimeError(f"docker {' '.join(arguments[:3])}: {done.stderr.strip()[-800:]}")
        return done.stdout.strip()

    def need(self, images: Sequence[str]) -> None:
        """Build ours as they are now; RuntimeError when somebody else's is missing."""
        for image in images:
            name = image.partition(":")[0].removeprefix("onewindow/")
            if name == image.partition(":")[0]:
                if self._ask("image", "inspect", image).returncode:
                    raise RuntimeError(f"there is no image {image}")
                continue
            file = _DOCKERFILES.get(name, "deploy/Dockerfile")
            self._do("build", "-q", "-f", str(self._root / file), "--build-arg", f"SERVICE={name}", "-t", image,
                     str(self._root))  # fmt: skip

    def make_network(self) -> None:
        """The network of this rehearsal."""
        self._do("network", "create", self.network)

    def remove_network(self) -> None:
        """Remove it; whatever else is there is not ours."""
        self._ask("network", "rm", self.network)

    def run(self, arguments: Sequence[str]) -> None:
        """Start a container."""
        self._do("run", "--detach", "--network", self.network, *arguments)

    def wait(self, name: str, seconds: float) -> int:
        """The status with which a container ended; TimeoutExpired when it does not."""
        return int(self._ask("wait", name, timeout=seconds).stdout.strip() or 1)

    def alive(self, name: str) -> bool:
        """Whether it runs."""
        return self._ask("inspect", "-f", "{{.State.Running}}", name).stdout.strip() == "true"

    def log(self, name: str) -> str:
        """The end of what it said."""
        told = self._ask("logs", "--tail", "30", name)
        return told.stdout + told.stderr

    def address(self, name: str) -> str:
        """Its address on the network."""
        return self._do("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", name)

    def execute(self, name: str, command: Sequence[str], seconds: float) -> bool:
        """Whether a command in it succeeds in time."""
        try:
            return self._ask("exec", name, *command, timeout=seconds).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def memory(self, name: str) -> str:
        """Its memory and its limit, as the engine says them."""
        return self._do("stats", "--no-stream", "--format", "{{.MemUsage}}", name)

    def remove(self, name: str) -> None:
        """Remove a container, whatever it does."""
        self._ask("rm", "--force", "--volumes", name)

    @staticmethod
    def status(url: str) -> int:
        """The status a GET is answered with; redirections are followed, 0 when nobody answers."""
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            return refused.code
        except OSError:
            return 0


def mounts(pod: Pod, container: Mapping[str, Any], files: Path) -> list[str]:
    """The engine's words for a container's mounts; what may be written belongs to root and the pod's group."""
    assert pod.spec is not None
    group = pod.spec["securityContext"]["fsGroup"]
    volumes = {each["name"]: each for each in pod.spec.get("volumes", [])}
    found = []
    for mount in container.get("volumeMounts", []):
        volume, path = volumes.get(mount["name"], {}), mount["mountPath"]
        if "secret" in volume:
            source = files / "Secret" / volume["secret"]["secretName"]
        elif "configMap" in volume:
            source = files / "ConfigMap" / volume["configMap"]["name"]
        else:  # an empty folder, or a claim: as a cluster hands it over to the pod's group
            source = files / "volumes" / pod.name.replace("/", "-") / mount["name"]
            source.mkdir(parents=True, exist_ok=True)
            os.chown(source, 0, group)
            source.chmod(0o2775)
            found += ["--volume", f"{source}:{path}"]
            continue
        found += ["--volume", f"{source / mount['subPath'] if 'subPath' in mount else source}:{path}:ro"]
    return found


def arguments(
    spec: Mapping[str, Any], container: Mapping[str, Any], mounted: Sequence[str], variables: Mapping[str, str],
    name: str, names: Sequence[str],
) -> list[str]:  # fmt: skip
    """What `docker run` is told for a container of a pod."""
    security, bound = container["securityContext"], container["resources"]["limits"]
    user, group = spec["securityContext"]["runAsUser"], spec["securityContext"]["runAsGroup"]
    told = [
        "--name",
        name,
        "--user",
        f"{user}:{group}",
        "--group-add",
        str(spec["securityContext"]["fsGroup"]),
    ]
    told += ["--security-opt", "no-new-privileges:true"] if not security["allowPrivilegeEscalation"] else []
    told += ["--read-only"] if security["readOnlyRootFilesystem"] else []
    told += [f"--cap-drop={each}" for each in security["capabilities"]["drop"]]
    told += [f"--cap-add={each}" for each in security["capabilities"].get("add", [])]
    told += ["--memory", bound["memory"].replace("Mi", "m").replace("Gi", "g"), "--cpus", _cpus(bound["cpu"])]
    told += [f"--network-alias={each}" for each in names] + list(mounted)
    for variable, value in variables.items():
        told += ["--env", f"{variable}={value}"]
    command, given = container.get("command", []), container.get("args", [])
    told += ["--entrypoint", command[0]] if command else []
    return [*told, container["image"], *command[1:], *given]


def _cpus(told: str) -> str:
    """``500m`` is half of one."""
    return f"{int(told[:-1]) / 1000:g}" if told.endswith("m") else told
