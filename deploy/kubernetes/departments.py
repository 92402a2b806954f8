"""One component per department, made from its file: review's base under the department's name, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deploy.kubernetes.houses import House
from deploy.kubernetes.writing import document, kustomization

LABEL = "onewindow/department"
_SELECTED = [  # only what selects this department's own pods; the other end of a network edge is not ours to name
    {"path": "spec/selector/matchLabels", "kind": "Deployment"},
    {"path": "spec/template/spec/topologySpreadConstraints/labelSelector/matchLabels", "kind": "Deployment"},
    {"path": "spec/selector", "kind": "Service"},
    {"path": "spec/selector/matchLabels", "kind": "PodDisruptionBudget"},
    {"path": "spec/podSelector/matchLabels", "kind": "NetworkPolicy"},
]


def components(folder: Path, files: Path, codes: Sequence[str]) -> dict[Path, str]:
    """The files below ``folder`` (k8s/components/department) for the departments described in ``files``."""
    found: dict[Path, str] = {folder / "kustomization.yaml": _everybody(codes)}
    for code in codes:
        own = folder / code
        told = (files / f"{code}.yaml").read_text(encoding="utf-8")
        source = f"deploy/departments/{code}.yaml"
        found[own / "kustomization.yaml"] = document(source, kustomization("Component", resources=["house"]))
        found[own / "house" / "kustomization.yaml"] = document(source, _house(House("review", code)))
        found[own / "house" / "department.yaml"] = told
    return found


def _everybody(codes: Sequence[str]) -> str:
    files = [f"{code}.yaml={code}/house/department.yaml" for code in codes]
    return document(
        "deploy/departments",
        kustomization(
            "Component", components=list(codes), configMapGenerator=[{"name": "departments", "files": files}]
        ),
    )


def _house(house: House) -> dict[str, Any]:
    assert house.department is not None
    return kustomization(
        "Kustomization",
        resources=["../../../../base/review"],
        nameSuffix=house.name.removeprefix("review"),
        labels=[{"pairs": {LABEL: house.department}, "includeTemplates": True, "fields": _SELECTED}],
        configMapGenerator=[{"name": "department", "files": ["department.yaml"]}],
        patches=[
            {"target": {"kind": "Deployment"}, "patch": _service(house)},
            {"target": {"kind": "Job"}, "patch": _migration(house)},
        ],
    )


def _service(house: House) -> str:
    return f"""apiVersion: apps/v1
kind: Deployment
metadata: {{name: review}}
spec:
  template:
    spec:
      containers:
        - name: service
          env:
            - {{name: ONEWINDOW_OIDC_CLIENT_ID, value: {house.client_id}}}
            - {{name: ONEWINDOW_PUBLIC_PATH, value: {house.path}}}
      volumes:
        - name: secrets
          secret: {{secretName: {house.name}}}
"""


def _migration(house: House) -> str:
    return f"""apiVersion: batch/v1
kind: Job
metadata: {{name: review-migration}}
spec:
  template:
    spec:
      containers:
        - name: migration
          args: [review, --owner, /run/secrets/onewindow/owner_url,
                 --app-role, {house.database}_app, --audit-role, {house.database}_audit, --healer-role, healer]
      volumes:
        - name: owner
          secret: {{secretName: {house.name}-owner}}
"""
