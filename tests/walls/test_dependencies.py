"""What we stand on: hashes for everything, no registry addresses, permissive licences at run time."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PERMISSIVE = re.compile(
    r"MIT|BSD|Apache|ISC|PSF|Python Software|MPL|Zero-Clause|Unlicense|HPND|CC0", re.IGNORECASE
)
COPYLEFT = re.compile(r"\bA?GPL|\bLGPL|GNU", re.IGNORECASE)


def locked() -> list[str]:
    return re.findall(r"^([a-z0-9][\w.\-]*)==", LOCK, re.MULTILINE)


def runtime_closure(needs: list[str]) -> set[str]:
    """What these needs bring with them, extras included, as installed here; KeyError when one is not."""
    waiting = [Requirement(need) for need in needs]
    found: set[str] = set()
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        need = waiting.pop()
        name, extras = canonicalize_name(need.name), frozenset(need.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        found.add(name)
        for further in map(Requirement, metadata.requires(name) or []):
            chosen = [{"extra": extra} for extra in extras or {""}]
            if further.marker is None or any(further.marker.evaluate(each) for each in chosen):
                waiting.append(further)
    return found


def direct_needs() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return list(project["dependencies"])


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
    closure = runtime_closure(direct_needs())
    assert len(closure) > 40
    unclear = {name: licence(name) for name in sorted(closure) if not PERMISSIVE.search(licence(name))}
    copyleft = {name: licence(name) for name in sorted(closure) if COPYLEFT.search(licence(name))}
    assert (unclear, copyleft) == ({}, {})


def test_needs_that_an_extra_brings_are_looked_at_too() -> None:
    closure = runtime_closure(["sqlalchemy[asyncio]", "jsonschema[format-nongpl]"])
    assert {"greenlet", "fqdn"} <= closure
    assert "greenlet" not in runtime_closure(["jsonschema"])
    assert closure <= {canonicalize_name(name) for name in locked()}


def test_a_copyleft_licence_would_be_seen() -> None:
    for told in ("GNU Affero General Public License v3", "AGPL-3.0-only", "LGPL-2.1-or-later"):
        assert COPYLEFT.search(told)
    assert not PERMISSIVE.search("AGPL-3.0-only")
