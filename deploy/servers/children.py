"""Servers as guarded children: started, watched, stopped, killed and started again by a handle."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

GUARD = Path(__file__).with_name("guard.py")
STOP_S = 15.0


class ServerFailed(Exception):
    """A server did not come up, or ended by itself; the text names its log and quotes the end of it."""


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 nobody listens on now.

    Below the range the kernel gives to outgoing connections: a killed server finds its port free again.
    """
    found: list[int] = []
    first = 15000 + int.from_bytes(os.urandom(2), "big") % 15000
    for port in range(first, first + 2000):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise ServerFailed("no free port on 127.0.0.1")


def end_of(log: Path, lines: int = 15) -> str:
    """The last lines of a log, for an error message."""
    with contextlib.suppress(OSError):
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    return "(no log)"


@dataclass
class Child:
    """One server process behind its guard.

    ``user`` is the account to run as (None: ours). ``remove`` are folders nobody needs once the server has
    ended for good; ``orphan_signal`` is what the server gets when we are killed.
    """

    name: str
    command: Sequence[str]
    folder: Path
    env: Mapping[str, str] | None = None
    cwd: str = "/"
    user: str | None = None
    stop_signal: int = signal.SIGTERM
    orphan_signal: int = signal.SIGKILL
    stop_s: float = STOP_S
    remove: Sequence[Path] = ()
    orphan_commands: Sequence[Sequence[str]] = ()
    _guard: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def log(self) -> Path:
        """Where the server's output goes."""
        return self.folder / f"{self.name}.log"

    @property
    def _pid_file(self) -> Path:
        return self.folder / f"{self.name}.pid"

    def start(self) -> None:
        """Start it behind a new guard; returns once the process exists, not once it answers."""
        self._pid_file.unlink(missing_ok=True)
        account = pwd.getpwnam(self.user) if self.user else None
        orders = {
            "command": list(self.command),
            "env": dict(self.env or os.environ),
            "cwd": self.cwd,
            "uid": account.pw_uid if account else None,
            "gid": account.pw_gid if account else None,
            "log": str(self.log),
            "pid_file": str(self._pid_file),
            "stop_s": self.stop_s,
            "orphan_signal": int(self.orphan_signal),
            "remove": [str(path) for path in self.remove],
            "orphan_commands": [list(command) for command in self.orphan_commands],
        }
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", str(GUARD)],
            stdin=subprocess.PIPE,
            bufsize=0,
            stdout=subprocess.DEVNULL,
            stderr=self.log.open("ab"),
            start_new_session=True,
        )
        self._tell(json.dumps(orders))
        wait_until(self._pid_file.exists, f"{self.name} did not start", self, 10)

    @property
    def alive(self) -> bool:
        """Whether the server process runs."""
        return self._guard is not None and self._guard.poll() is None

    @property
    def pid(self) -> int:
        """The server's process id (the leader of its own process group)."""
        return int(self._pid_file.read_text())

    def kill(self) -> None:
        """kill -9 to the server and everything it spawned, as an accident would; waits until it is gone."""
        if self._guard is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._guard.wait(10)
        self._close()

    def stop(self) -> None:
        """Ask it to end, wait, and kill what is left; no error when it has ended already."""
        if self._guard is None:
            return
        if self._guard.poll() is None:
            self._tell(str(int(self.stop_signal)))
            self._guard.wait(self.stop_s + 10)
        self._close()

    def close(self) -> None:
        """End it and remove what nobody needs any more; data that goes with it needs no orderly end."""
        if self.remove:
            self.kill()
        self.stop()
        for path in self.remove:
            shutil.rmtree(path, ignore_errors=True)

    def _tell(self, line: str) -> None:
        assert self._guard is not None
        assert self._guard.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._guard.stdin.write(f"{line}\n".encode())

    def _close(self) -> None:
        if self._guard is not None and self._guard.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._guard.stdin.close()
        self._guard = None


def wait_until(
    answered: Callable[[], bool], complaint: str, child: Child | None, seconds: float, pause_s: float = 0.05
) -> None:
    """Ask again and again until true; raises ServerFailed when the child ends first or the time is over."""
    until = time.monotonic() + seconds
    while not answered():
        if child is not None and not child.alive and not answered():
            raise ServerFailed(f"{complaint}: {child.name} ended. {child.log}:\n{end_of(child.log)}")
        if time.monotonic() > until:
            where = f" {child.log}:\n{end_of(child.log)}" if child is not None else ""
            raise ServerFailed(f"{complaint} within {seconds:.0f} s.{where}")
        time.sleep(pause_s)


def own_folder(run_dir: Path, name: str, user: str | None) -> Path:
    """A fresh folder for one server's data; elsewhere when ``user`` cannot reach the run folder (/root)."""
    run_dir.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=run_dir))
    if user is None:
        return folder
    shutil.chown(folder, user)
    if subprocess.run(["test", "-w", str(folder)], user=user, extra_groups=[], check=False).returncode != 0:
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix=f"onewindow-{name}-"))
        shutil.chown(folder, user)
    return folder


def answers(port: int) -> bool:
    """Whether somebody accepts connections on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
