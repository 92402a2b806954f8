"""Builds an overlay as a cluster would get it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]


class BuildFailed(Exception):
    """Kustomize refuses the overlay."""


def kubectl() -> Path:
    """The kubectl of this environment; another one of the machine may be older and read overlays differently."""
    own = Path(sys.executable).with_name("kubectl")
    found = own if own.exists() else shutil.which("kubectl")
    if found is None:
        raise BuildFailed("kubectl is missing: make setup")
    return Path(found)


def build(overlay: Path) -> list[Object]:
    """The objects of an overlay; BuildFailed with kustomize's own words."""
    done = subprocess.run(
        [kubectl(), "kustomize", str(overlay)], capture_output=True, text=True, check=False, timeout=120
    )
    if done.returncode:
        raise BuildFailed(f"{overlay}: {done.stderr.strip()}")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [each for each in yaml.load_all(done.stdout, Loader=loader) if each]


def named(each: Object) -> str:
    """``Deployment/fee``: how messages call an object."""
    return f"{each.get('kind')}/{each.get('metadata', {}).get('name')}"
