"""Plants each seeded bug in a copy of the tree and runs the one test that must catch it there.

A patch is a unified diff whose hunks are found by their text, not by line numbers, and must fit exactly once.
Above the diff stand ``Bug:`` (what is wrong), ``Form:`` (how it is seeded here) and ``Caught by:`` (a test id).
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
FOLDER = Path(__file__).resolve().parent
TEST_S = 240
_COPIED = ("libs", "services", "deploy", "contracts", "tests", "docs", "pyproject.toml", "Makefile")


class DoesNotApply(Exception):
    """The text a patch changes is not there, or there more than once."""


@dataclass(frozen=True)
class Bug:
    """One seeded bug."""

    name: str
    what: str
    form: str
    test: str
    hunks: tuple[tuple[str, str, str], ...]  # file, text before, text after

    def apply(self, root: Path) -> None:
        """Plant it below ``root``; DoesNotApply, and nothing changed, when it does not fit."""
        changed: dict[str, str] = {}
        for file, before, after in self.hunks:
            text = changed.get(file) or (root / file).read_text(encoding="utf-8")
            places = list(_places(text, before))
            if len(places) != 1:
                raise DoesNotApply(f"{self.name}: {len(places)} places in {file} for\n{before}")
            found, shift = places[0]
            put = _indented(after, shift)
            changed[file] = re.sub(f"^{re.escape(found)}", lambda _, put=put: put, text, flags=re.MULTILINE)
        for file, text in changed.items():
            (root / file).write_text(text, encoding="utf-8")


def _indented(text: str, shift: int) -> str:
    """``text`` so many columns further in (or out)."""
    lines = text.split("\n")
    return "\n".join(
        (" " * shift + line if shift >= 0 else line[-shift:]) if line else line for line in lines
    )


def _places(text: str, before: str) -> Iterator[tuple[str, int]]:
    """(what stands there, how much further in it stands): a hunk fits at any depth, code moves in and out."""
    room = min(len(line) - len(line.lstrip()) for line in before.split("\n") if line)
    for shift in range(-room, 12, 4):
        wanted = _indented(before, shift)
        if wanted.strip() and (shift == 0 or wanted != before):
            yield from (
                (wanted, shift) for _ in range(len(re.findall(f"^{re.escape(wanted)}", text, re.MULTILINE)))
            )


def read_bug(path: Path) -> Bug:
    """A patch file as it stands in this folder."""
    head, _, diff = path.read_text(encoding="utf-8").partition("--- a/")
    told = dict(re.findall(r"^(Bug|Form|Caught by): (.+(?:\n  .+)*)", head, re.MULTILINE))
    return Bug(
        path.stem,
        *(re.sub(r"\s+", " ", told[name]).strip() for name in ("Bug", "Form", "Caught by")),
        tuple(_hunks(f"--- a/{diff}")),
    )


def _hunks(diff: str) -> Iterator[tuple[str, str, str]]:
    for part in re.split(r"^--- a/", diff, flags=re.MULTILINE)[1:]:
        file, *hunks = re.split(r"^@@.*\n", part, flags=re.MULTILINE)
        for hunk in hunks:
            lines = [line or " " for line in hunk.split("\n")[:-1]]
            before = [line[1:] for line in lines if line[0] in " -"]
            after = [line[1:] for line in lines if line[0] in " +"]
            yield file.splitlines()[0], "\n".join(before) + "\n", "\n".join(after) + "\n"


def bugs() -> list[Bug]:
    """All seeded bugs, in the order of their names."""
    return [read_bug(path) for path in sorted(FOLDER.glob("*.patch"))]


def copy_tree(to: Path) -> Path:
    """What the tests need, in a folder of its own."""
    ignored = shutil.ignore_patterns(".venv", ".run")  # compiled files stay valid: times are copied, too
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=ignored, symlinks=True)
        elif source.exists():
            shutil.copy2(source, to / name)
    return to


class Lane:
    """A process that runs one pytest after another, each in its own tree."""

    def __init__(self, env: dict[str, str]) -> None:
        self._env = env
        self._process = subprocess.Popen(
            [sys.executable, str(FOLDER / "warm.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, root: Path, tests: list[str], log: Path) -> int:
        """pytest's status; its output is in ``log``."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"root": str(root), "tests": tests, "env": self._env, "log": str(log)}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline() or 3)

    def close(self) -> None:
        """No more runs."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(TEST_S)


def _needs_broker(bug: Bug) -> bool:
    return "test_delivery" in bug.test


def prove_bugs(folder: Path) -> list[dict[str, Any]]:
    """Every bug's fate. The sound tree must pass all the tests that are to catch something.

    Two lanes: whoever needs the broker gives it accounts of its own, so those go one after another.
    """
    from tests.faults.stage import servers

    planted = bugs()
    log = folder / "bugs"
    log.mkdir(parents=True, exist_ok=True)
    halves = [[bug for bug in planted if _needs_broker(bug) is needs] for needs in (True, False)]
    with servers(folder / "bug-servers") as on, ThreadPoolExecutor(2) as pool:
        env = {
            "ONEWINDOW_POSTGRES_URL": on.postgres.url,
            "ONEWINDOW_RABBITMQ_URL": f"amqp://{on.broker.host}/permit",
            "ONEWINDOW_RABBITMQ_MANAGEMENT_URL": on.broker.management,
        }
        proved = list(pool.map(lambda half: _prove_half(half, log, env), halves))
    return sorted((each for half in proved for each in half), key=lambda each: str(each["bug"]))


def _prove_half(half: list[Bug], log: Path, env: dict[str, str]) -> list[dict[str, Any]]:
    lane = Lane(env)
    try:
        sound_log = log / f"sound-{half[0].name}.log"
        sound = lane.run(ROOT, sorted({bug.test for bug in half}), sound_log) == 0
        if not sound:
            print(f"INVALID the sound tree does not pass the catching tests; see {sound_log}", flush=True)
        return [_prove(bug, log, lane, sound=sound) for bug in half]
    finally:
        lane.close()


def _prove(bug: Bug, log: Path, lane: Lane, *, sound: bool) -> dict[str, Any]:
    began = time.monotonic()
    output = log / f"{bug.name}.log"
    with tempfile.TemporaryDirectory(prefix="onewindow-bug-") as scratch:
        root = copy_tree(Path(scratch))
        try:
            bug.apply(root)
            status = lane.run(root, [bug.test], output)
        except DoesNotApply as reason:
            status = -1
            output.write_text(str(reason))
    failed = f"FAILED {bug.test.partition('[')[0]}" in output.read_text(errors="replace")
    caught = sound and status == 1 and failed
    seconds = round(time.monotonic() - began, 1)
    print(f"{'caught' if caught else 'MISSED'} {bug.name:<40} by {bug.test} ({seconds} s)", flush=True)
    return {
        "bug": bug.name,
        "what": bug.what,
        "form": bug.form,
        "by": bug.test,
        "caught": caught,
        "seconds": seconds,
    }
