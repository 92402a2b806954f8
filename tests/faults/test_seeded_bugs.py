"""The seeded bugs stay plantable: every patch fits the tree, once, and names a test that is there."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.faults.bugs.proving import ROOT, Bug, DoesNotApply, bugs

BUGS = bugs()


def test_there_are_sixteen() -> None:
    assert len(BUGS) == 16


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_patch_fits_and_names_its_test(bug: Bug, tmp_path: Path) -> None:
    for file in {file for file, _, _ in bug.hunks}:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes((ROOT / file).read_bytes())
    bug.apply(tmp_path)
    for file in {file for file, _, _ in bug.hunks}:
        changed = (tmp_path / file).read_text(encoding="utf-8")
        assert changed != (ROOT / file).read_text(encoding="utf-8")
        ast.parse(changed)
    path, _, name = bug.test.partition("::")
    names = {
        node.name
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert name.partition("[")[0] in names


def test_a_patch_that_no_longer_fits_is_told() -> None:
    stale = Bug("stale", "", "", "", (("libs/relay.py", "what is not there\n", "\n"),))
    with pytest.raises(DoesNotApply):
        stale.apply(ROOT)
