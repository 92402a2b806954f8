"""Service processes: forked from the nursery, told apart, ended with their launcher."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from deploy.launcher.processes import Processes, Running
from deploy.servers.guard import descendants
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
ENTRY = "tests.deploy.toy_process:main"
LAUNCHER = """
import asyncio, sys
from pathlib import Path
from deploy.launcher.processes import Processes
async def main():
    processes = Processes(Path(sys.argv[1]), print, preload=False)
    await processes.open()
    for name in "ab":
        await processes.start(name, "tests.deploy.toy_process:main", [sys.argv[1] + "/" + name], {"TOY": name})
    print("up", flush=True)
    await asyncio.sleep(300)
asyncio.run(main())
"""


@pytest.fixture
async def processes(tmp_path: Path) -> AsyncIterator[tuple[Processes, list[Running]]]:
    died: list[Running] = []
    opened = Processes(tmp_path, died.append, preload=False)
    await opened.open()
    yield opened, died
    await opened.close()


def _alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


async def _eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.02)


def _says(path: Path) -> str:
    return path.read_text() if path.exists() else ""


async def test_each_process_has_its_own_environment_and_log(
    processes: tuple[Processes, list[Running]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, _ = processes
    monkeypatch.setenv("ONEWINDOW_LEAK", "the launcher's own")
    for name in ("review/fire", "fee"):
        out = tmp_path / name.replace("/", ".")
        await opened.start(name, ENTRY, [str(out)], {"TOY": name})
    for name in ("review/fire", "fee"):
        out = tmp_path / name.replace("/", ".")
        running = opened.running[name]
        expected = f"{running.pid} {name} None"
        await _eventually(lambda out=out, expected=expected: _says(out) == expected)  # type: ignore[misc]
        await _eventually(lambda running=running: "written" in _says(running.log))  # type: ignore[misc]


async def test_killed_process_is_told_and_can_be_started_again(
    processes: tuple[Processes, list[Running]], tmp_path: Path
) -> None:
    opened, died = processes
    await opened.start("fee", ENTRY, [str(tmp_path / "one")], {"TOY": "fee"})
    await _eventually(lambda: (tmp_path / "one").exists())
    opened.kill("fee")
    await _eventually(lambda: bool(died))
    assert (died[0].name, died[0].status, died[0].deaths) == ("fee", -signal.SIGKILL, 1)
    await opened.start("fee", ENTRY, [str(tmp_path / "two")], {"TOY": "fee"})
    await _eventually(lambda: (tmp_path / "two").exists())


async def test_process_that_fails_leaves_its_reason_in_its_log(
    processes: tuple[Processes, list[Running]], tmp_path: Path
) -> None:
    opened, died = processes
    await opened.start("fee", ENTRY, [str(tmp_path / "one"), "fail"], {"TOY": "fee"})
    await _eventually(lambda: bool(died))
    assert died[0].status == 1
    assert "ValueError: as told" in died[0].log.read_text()


async def test_closing_ends_every_process(tmp_path: Path) -> None:
    opened = Processes(tmp_path, lambda _: None, preload=False)
    await opened.open()
    await opened.start("fee", ENTRY, [str(tmp_path / "one")], {"TOY": "fee"})
    pid = opened.running["fee"].pid
    assert pid is not None
    await opened.close()
    assert not _alive(pid)


def test_processes_end_with_a_killed_launcher(tmp_path: Path) -> None:
    launcher = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, str(tmp_path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert launcher.stdout is not None
    assert launcher.stdout.readline() == b"up\n"
    below = descendants(launcher.pid)
    assert len(below) == 3, "the nursery and two processes"
    os.kill(launcher.pid, signal.SIGKILL)
    launcher.wait()
    until(lambda: not any(_alive(pid) for pid in below))


def test_processes_end_with_a_killed_nursery(tmp_path: Path) -> None:
    launcher = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, str(tmp_path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert launcher.stdout is not None
    assert launcher.stdout.readline() == b"up\n"
    nursery, *services = descendants(launcher.pid)
    os.kill(nursery, signal.SIGKILL)
    until(lambda: not any(_alive(pid) for pid in services))
    launcher.kill()
    launcher.wait()
