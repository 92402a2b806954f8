"""CustomResourceDefinitions for a server that has none: the operators' own, else what is kept of them here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from deploy.kubernetes.houses import ROOT
from deploy.kubernetes.kustomize import Object
from deploy.kubernetes.schemas import CONDENSED

OPERATORS = ROOT.parent / "shared" / "containers" / "crds"
APPROVED = "api-approved.kubernetes.io"  # what names of *.k8s.io must carry


def definitions() -> list[Object]:
    """One definition for every custom kind the overlays use."""
    own = {_key(each): each for each in _operators()}
    return [own.get(_key(kept), kept) for kept in map(_kept, sorted(CONDENSED.glob("*.json")))]


def _key(definition: Object) -> tuple[str, str]:
    return definition["spec"]["group"], definition["spec"]["names"]["kind"]


def _operators() -> Iterator[Object]:
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for path in sorted(OPERATORS.rglob("*.yaml")):
        for each in yaml.load_all(path.read_text(encoding="utf-8"), loader):
            if each:
                each["spec"].pop("conversion", None)  # nobody answers its webhook here
                yield each


def _kept(path: Path) -> Object:
    told = json.loads(path.read_text(encoding="utf-8"))
    group, version, kind = told["of"].split("/")
    plural = _plural(kind.lower())
    names = {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"}
    schema = {"openAPIV3Schema": told["schema"]}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}", "annotations": {APPROVED: "unapproved, for tests only"}},
        "spec": {
            "group": group,
            "names": names,
            "scope": "Namespaced",
            "versions": [{"name": version, "served": True, "storage": True, "schema": schema}],
        },
    }


def _plural(name: str) -> str:
    return f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"
