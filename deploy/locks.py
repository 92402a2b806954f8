"""``python -m deploy.locks write|check``: the locks of the images, each a part of requirements.lock.

An image installs by hash what its program needs and nothing else. The parts are cut out of the one lock that is
tested, so that an image never holds another version of anything. The closure is taken for every Python an image may
be built on; a requirement that only one of them has is in the lock for all of them.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
PYTHONS = ("3.11", "3.12", "3.13")
# What only commands and tests use; no house imports it (tests/deploy/test_compose.py looks).
NOT_IN_A_HOUSE = ("jsonschema", "rich", "typer")

HEALER_NEEDS = ("asyncpg", "httpx", "prometheus-client", "pydantic-settings", "pyyaml")


def wanted() -> dict[Path, str]:
    """Every image's lock with the text it should have."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {
        ROOT / "requirements.runtime.lock": cut(closure([*house_needs(project["dependencies"]), "tzdata"])),
        ROOT / "requirements.provider.lock": cut(closure(["nanoidp"])),
        ROOT / "requirements.healer.lock": cut(closure(HEALER_NEEDS)),
    }


def house_needs(needs: Iterable[str]) -> list[str]:
    """The project's needs without those of its commands and tests."""
    return [need for need in needs if Requirement(need).name not in NOT_IN_A_HOUSE]


def closure(needs: Iterable[str]) -> set[str]:
    """The packages these needs bring with them, extras included, as installed here."""
    found: set[str] = set()
    for python in PYTHONS:
        place = {"python_version": python, "python_full_version": f"{python}.0"}
        waiting = [Requirement(need) for need in needs]
        seen: set[tuple[str, frozenset[str]]] = set()
        while waiting:
            need = waiting.pop()
            key = (canonicalize_name(need.name), frozenset(need.extras))
            if key in seen:
                continue
            seen.add(key)
            found.add(key[0])
            waiting += _further(need, place)
    return found


def _further(need: Requirement, place: dict[str, str]) -> list[Requirement]:
    try:
        told = metadata.requires(need.name) or []
    except metadata.PackageNotFoundError:
        return []  # for another Python than this one: `cut` leaves out what is not locked
    chosen = [{**place, "extra": extra} for extra in need.extras or {""}]
    return [
        each
        for each in map(Requirement, told)
        if each.marker is None or any(each.marker.evaluate(one) for one in chosen)
    ]


def cut(names: set[str], lock: str | None = None) -> str:
    """The blocks of these packages, in the order of the lock."""
    text = LOCK.read_text(encoding="utf-8") if lock is None else lock
    blocks = re.split(r"(?m)^(?=[a-z0-9][\w.\-]*==)", text)
    return "".join(block for block in blocks if canonicalize_name(block.partition("==")[0]) in names)


def main(arguments: list[str]) -> int:
    """Write or check; status 1 when one is out of date."""
    if arguments not in (["write"], ["check"]):
        print(__doc__, file=sys.stderr)
        return 2
    stale = [path for path, text in wanted().items() if not path.exists() or path.read_text("utf-8") != text]
    for path in stale:
        if arguments == ["write"]:
            path.write_text(wanted()[path], encoding="utf-8")
        print(f"{'written' if arguments == ['write'] else 'out of date'}: {path.name}")
    return 1 if stale and arguments == ["check"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
