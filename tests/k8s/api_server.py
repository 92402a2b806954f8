"""A real Kubernetes API server: one of this machine's programs on private ports, or one somebody points to.

``KUBEBUILDER_ASSETS`` is the folder with ``kube-apiserver`` and ``etcd``, as ``setup-envtest`` lays it out; with a
``kube-controller-manager`` in it, what controllers make of the manifests is seen too. ``ONEWINDOW_KUBECONFIG`` is
the configuration of a cluster that is already there. Every test has namespaces of its own, removed at its end.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from deploy.kubernetes.kustomize import Object, kubectl
from deploy.servers.children import Child, free_ports, wait_until

PROGRAMS = "KUBEBUILDER_ASSETS"
GIVEN = "ONEWINDOW_KUBECONFIG"
ISSUER = "https://kubernetes.default.svc"
NOTHING = "count/pods=0,count/persistentvolumeclaims=0"
START_S = 120.0
CALL_S = 240.0


class NoServer(Exception):
    """There is no API server to be asked; the text says how to give one."""


class Refused(Exception):
    """What the API server, or kubectl before it, did not take: its own words."""


@dataclass(frozen=True)
class Answer:
    """What kubectl printed: a line per object, and the warnings the server sent along."""

    lines: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class ApiServer:
    """One API server, asked through kubectl as people ask it."""

    kubeconfig: Path
    ours: bool
    controllers: bool

    def kubectl(self, *arguments: str, objects: Iterable[Object] | None = None) -> Answer:
        """One call; ``objects`` are its standard input. Refused with everything it complained of."""
        told = None if objects is None else json.dumps(_listed(objects))
        done = subprocess.run(
            [kubectl(), "--kubeconfig", str(self.kubeconfig), *arguments],
            input=told, capture_output=True, text=True, check=False, timeout=CALL_S,
        )  # fmt: skip
        if done.returncode:
            raise Refused(done.stderr.strip() or done.stdout.strip())
        return Answer(tuple(done.stdout.splitlines()), tuple(done.stderr.splitlines()))

    def asked(self, *arguments: str, objects: Iterable[Object] | None = None) -> dict[str, Any]:
        """What the server says as JSON."""
        answer = self.kubectl(*arguments, "-o", "json", objects=objects)
        told: dict[str, Any] = json.loads("\n".join(answer.lines))
        return told

    def version(self) -> str:
        """The server's own version."""
        return str(self.asked("version")["serverVersion"]["gitVersion"])

    def kinds(self) -> set[str]:
        """The kinds it serves, as apiVersion and kind."""
        lines = self.kubectl("api-resources", "--no-headers", "-o", "wide").lines
        return {f"{version}/{kind}" for version, kind in map(_version_and_kind, lines)}

    @contextmanager
    def namespace(self, labels: dict[str, str], *, pods: bool = False) -> Iterator[str]:
        """A namespace for one test. In a cluster of others nothing may run in it, unless ``pods`` are allowed."""
        name = f"onewindow-{secrets.token_hex(4)}"
        self.kubectl("create", "-f", "-", objects=[_namespace(name, labels)])
        try:
            if not (self.ours or pods):
                self.kubectl("-n", name, "create", "quota", "nothing-runs", f"--hard={NOTHING}")
            yield name
        finally:
            self.kubectl("delete", "namespace", name, "--wait=false")


def _version_and_kind(line: str) -> tuple[str, str]:
    """``deployments deploy apps/v1 true Deployment create,delete …``; the short name may be missing."""
    words = line.split()
    at = next(place for place, word in enumerate(words) if word in ("true", "false"))
    return words[at - 1], words[at + 1]


def _listed(objects: Iterable[Object]) -> Object:
    return {"apiVersion": "v1", "kind": "List", "items": list(objects)}


def _namespace(name: str, labels: dict[str, str]) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


@contextmanager
def api_server(folder: Path) -> Iterator[ApiServer]:
    """The API server of this machine's settings; NoServer when there are none."""
    given, programs = os.environ.get(GIVEN), os.environ.get(PROGRAMS)
    if given:
        yield ApiServer(Path(given), ours=False, controllers=False)
    elif programs:
        with _started(Path(programs), folder) as server:
            yield server
    else:
        raise NoServer(
            f"no API server to ask: {PROGRAMS} names no folder with kube-apiserver and etcd, "
            f"{GIVEN} no cluster (docs/kubernetes.md)"
        )


@contextmanager
def _started(programs: Path, folder: Path) -> Iterator[ApiServer]:
    for name in ("kube-apiserver", "etcd"):
        if not os.access(programs / name, os.X_OK):
            raise NoServer(f"{PROGRAMS}: there is no {name} in {programs}")
    store, peers, secure = free_ports(3)
    token = secrets.token_hex(16)
    (folder / "tokens.csv").write_text(f"{token},tester,tester,system:masters\n", encoding="utf-8")
    _write_key(folder / "accounts.key")
    server = ApiServer(
        _kubeconfig(folder, secure, token), True, (programs / "kube-controller-manager").exists()
    )
    api = Child("kube-apiserver", _kube_apiserver(programs, folder, store, secure), folder)
    children = [Child("etcd", _etcd(programs, folder, store, peers), folder), api]
    if server.controllers:
        children.append(Child("kube-controller-manager", _controllers(programs, folder), folder))
    try:
        for child in children:
            child.start()
            if child is api:
                wait_until(lambda: _answers(server), "the API server does not answer", api, START_S)
        yield server
    finally:
        for child in reversed(children):
            child.stop()


def _answers(server: ApiServer) -> bool:
    with suppress(Refused):
        return server.kubectl("get", "--raw", "/readyz").lines == ("ok",)
    return False


def _etcd(programs: Path, folder: Path, port: int, peers: int) -> list[str]:
    at, between = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peers}"
    return [
        str(programs / "etcd"), f"--data-dir={folder / 'etcd'}", "--unsafe-no-fsync", "--log-level=error",
        f"--listen-client-urls={at}", f"--advertise-client-urls={at}", f"--listen-peer-urls={between}",
        f"--initial-advertise-peer-urls={between}", f"--initial-cluster=default={between}",
    ]  # fmt: skip


def _kube_apiserver(programs: Path, folder: Path, store: int, port: int) -> list[str]:
    """With the admission plugins a server has by default, Pod Security and quotas among them."""
    return [
        str(programs / "kube-apiserver"), f"--etcd-servers=http://127.0.0.1:{store}", "--bind-address=127.0.0.1",
        f"--secure-port={port}", "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none",
        f"--cert-dir={folder / 'certificates'}", "--authorization-mode=RBAC", "--service-cluster-ip-range=10.96.0.0/16",
        f"--token-auth-file={folder / 'tokens.csv'}", f"--service-account-issuer={ISSUER}",
        f"--service-account-key-file={folder / 'accounts.key'}",
        f"--service-account-signing-key-file={folder / 'accounts.key'}",
    ]  # fmt: skip


def _controllers(programs: Path, folder: Path) -> list[str]:
    return [
        str(programs / "kube-controller-manager"), f"--kubeconfig={folder / 'kubeconfig'}", "--leader-elect=false",
        "--bind-address=127.0.0.1", f"--secure-port={free_ports(1)[0]}", f"--cert-dir={folder / 'certificates'}",
        f"--service-account-private-key-file={folder / 'accounts.key'}",
    ]  # fmt: skip


def _write_key(path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


def _kubeconfig(folder: Path, port: int, token: str) -> Path:
    """JSON is YAML. The certificate is the one the server writes itself at its first start."""
    told = {
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": {
            "server": f"https://127.0.0.1:{port}",
            "certificate-authority": str(folder / "certificates" / "apiserver.crt"),
        }}],
        "users": [{"name": "test", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    }  # fmt: skip
    path = folder / "kubeconfig"
    path.write_text(json.dumps(told), encoding="utf-8")
    return path


def in_namespace(objects: Sequence[Object], namespace: str) -> list[Object]:
    """The same objects in another namespace; the namespace itself is not among them."""
    return [
        {**each, "metadata": {**each["metadata"], "namespace": namespace}}
        for each in objects
        if each["kind"] != "Namespace"
    ]
