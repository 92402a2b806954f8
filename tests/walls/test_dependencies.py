"""What we stand on: hashes for everything, no registry addresses, permissive licences at run time."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PERMISSIVE = re.compile(
    r"MIT|BSD|Apache|ISC|PSF|Python Software|MPL|Zero-Clause|Unlicense|HPND|CC0", re.IGNORECASE
)
COPYLEFT = re.compile(r"\bA?GPL|\bLGPL|GNU", re.IGNORECASE)


def locked() -> list[str]:
    return re.findall(r"^([a-z0-9][\w.\-]*)==", LOCK, re.MULTILINE)


def runtime_closure() -> set[str]:
    """The runtime dependencies and everything they need, as installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    waiting = [re.split(r"[\[<>=!~; ]", need)[0] for need in project["dependencies"]]
    found: set[str] = set()
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in found:
            continue
        try:
            needs = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # an optional need of a need
        found.add(name)
        waiting += [re.split(r"[\[<>=!~; (]", need)[0] for need in needs if "extra ==" not in need]
    return found


def licence(name: str) -> str:
    told = metadata.metadata(name)
    classifiers = [each for each in told.get_all("Classifier") or [] if each.startswith("License")]
    return " ".join([told.get("License-Expression") or "", (told.get("License") or "")[:200], *classifiers])


def test_every_locked_package_carries_hashes_and_no_address() -> None:
    assert len(locked()) > 100
    for name in locked():
        block = LOCK.split(f"\n{name}==", 1)[-1].split("\n\n")[0]
        assert "--hash=sha256:" in block, name
    assert not re.search(r"https?://|--index|--find-links|--trusted", LOCK)


def test_runtime_dependencies_have_permissive_licences() -> None:
    closure = runtime_closure()
    assert len(closure) > 40
    unclear = {name: licence(name) for name in sorted(closure) if not PERMISSIVE.search(licence(name))}
    copyleft = {name: licence(name) for name in sorted(closure) if COPYLEFT.search(licence(name))}
    assert (unclear, copyleft) == ({}, {})


def test_a_copyleft_licence_would_be_seen() -> None:
    assert COPYLEFT.search("GNU Affero General Public License v3")
    assert not PERMISSIVE.search("AGPL-3.0-only")
