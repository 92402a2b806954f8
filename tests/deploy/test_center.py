"""A whole center leaves nothing behind, however it ends; a new department is one file."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.launcher.center import Center
from deploy.launcher.houses import DEPARTMENTS, departments
from deploy.servers.guard import descendants
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
START = datetime(2026, 1, 5, tzinfo=UTC)


def _alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def _up(run_dir: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "deploy.launcher", "up", "--run-dir", str(run_dir)]
    launcher = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert launcher.stdout is not None
    seen = []
    for line in launcher.stdout:
        seen.append(line.decode())
        if b"Ctrl-C" in line:
            return launcher
    pytest.fail("".join(seen))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_the_launcher(tmp_path: Path, number: signal.Signals) -> None:
    launcher = _up(tmp_path / "run")
    below = descendants(launcher.pid)
    assert len(below) > 20
    launcher.send_signal(number)
    assert launcher.wait(60) == (-number if number is signal.SIGKILL else 0)
    until(lambda: not any(_alive(pid) for pid in below), 40)


@pytest.mark.timeout(300)
async def test_new_department_is_one_file(tmp_path: Path) -> None:
    folder = tmp_path / "departments"
    folder.mkdir()
    for code in ("fire", "water"):
        (folder / f"{code}.yaml").write_bytes((DEPARTMENTS / f"{code}.yaml").read_bytes())
    text = (DEPARTMENTS / "fire.yaml").read_text()
    (folder / "street_lighting.yaml").write_text(text.replace("code: fire", "code: street_lighting"))
    async with Center(tmp_path / "run", departments_dir=folder, start=START, durable=False) as center:
        states = await center.clock.settle()
        assert "review/street_lighting" in {state.name for state in states if state.ready}
        with center.broker.operator() as operator:
            queues = {queue["name"] for queue in operator.get("/api/queues").json()}
        assert {"review.street_lighting", "review.street_lighting.dead"} <= queues
        assert json.loads((tmp_path / "run" / "center.json").read_text())["departments"] == [
            "fire", "street_lighting", "water",
        ]  # fmt: skip


def test_department_file_must_carry_its_own_name(tmp_path: Path) -> None:
    text = (DEPARTMENTS / "fire.yaml").read_text()
    (tmp_path / "water.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"water\.yaml"):
        departments(tmp_path)
