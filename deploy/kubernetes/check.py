"""``python -m deploy.kubernetes check``: both overlays built and judged, each figure beside its bound."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.contracts.broker_definitions import broker_definitions
from deploy.kubernetes import design, kustomize, references, restricted, schemas
from deploy.kubernetes.generated import generated, left_over, stale
from deploy.kubernetes.houses import K8S, codes, houses
from deploy.kubernetes.kustomize import Object
from deploy.kubernetes.secrets import LocalSecrets
from libs.flow import FLOW

OVERLAYS = ("local", "production")


@dataclass(frozen=True)
class Figure:
    """What was found, and whether that is what must be; ``faults`` say what falls short."""

    what: str
    found: str
    bound: str
    faults: Sequence[str] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing falls short."""
        return not self.faults


def built(overlay: str, k8s: Path = K8S) -> list[Object]:
    """The objects of an overlay, from a copy in which the local one has secrets of its own."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "k8s"
        shutil.copytree(k8s, copy, ignore=shutil.ignore_patterns("secrets"))
        if overlay == "local":
            LocalSecrets(copy / "overlays" / "local", houses(codes())).make()
        return kustomize.build(copy / "overlays" / overlay)


def figures(overlay: str, objects: Sequence[Object]) -> list[Figure]:
    """What is judged of one overlay."""
    wrong = schemas.faults(objects, schemas.condensed())
    pods = restricted.faults(objects)
    names = references.faults(objects)
    roads = design.road_faults(overlay, objects)
    there = design.missing_houses(objects)
    return [
        Figure("objects against strict schemas", f"{len(objects)}, {len(wrong)} invalid", "0 invalid", wrong),
        Figure("of them custom resources", str(sum(schemas.is_custom(each) for each in objects)), "any"),
        Figure("pods: restricted, bounded, probed", f"{len(pods)} breaches", "0", pods),
        Figure("names, selectors and ports that lead nowhere", str(len(names)), "0", names),
        Figure("connections the design does not name, or lacks", str(len(roads)), "0", roads),
        Figure("houses without a deployment", str(len(there)), "0", there),
    ]


def drift() -> Figure:
    """Whether the generated files are what departments, story and alerts say."""
    wanted = generated()
    old = [f"out of date: {path}" for path in [*stale(wanted), *left_over(wanted)]]
    return Figure("generated files", f"{len(wanted)}, {len(old)} out of date", "0 out of date", old)


def broker(objects: Sequence[Object]) -> Figure:
    """Whether the topology operator is told exactly what the definitions say."""
    told = broker_definitions(FLOW, codes(), None)
    wrong = design.broker_faults(objects, told)
    bound = f"{sum(len(each) for each in told.values())} of the definitions"
    return Figure("broker's objects unlike its definitions", str(len(wrong)), f"0, {bound}", wrong)


def check() -> int:
    """Print every figure beside its bound; 1 if one falls short."""
    begun = time.monotonic()
    found = [("", drift())]
    for overlay in OVERLAYS:
        objects = built(overlay)
        found += [(overlay, figure) for figure in figures(overlay, objects)]
        if overlay == "production":
            found.append((overlay, broker(objects)))
    for overlay, figure in found:
        mark = "ok " if figure.holds else "NOT"
        print(f"{mark} {overlay:<10} {figure.what:<48} {figure.found:<20} bound {figure.bound}")
        for fault in figure.faults:
            print(f"      {fault}")
    print("not done here: applied to a live API server and node (docs/kubernetes.md says where that is)")
    print(f"{time.monotonic() - begun:.0f} s")
    return 0 if all(figure.holds for _, figure in found) else 1
