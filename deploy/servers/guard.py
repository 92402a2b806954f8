"""A guard process between us and a server: the server and all it spawned end when we do, even by kill -9.

Run as ``python -I -S guard.py``; the first line of standard input is the orders (JSON), a second line with a
signal number asks for an orderly stop, the end of input means that the parent is gone. In both cases the
server gets its signal, some seconds, then everything below the guard is killed. Imports nothing of ours: it
starts in milliseconds.
"""

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from typing import Any, BinaryIO

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_POLL_S = 0.2


def _prctl(option: int, value: int) -> None:
    with contextlib.suppress(OSError, AttributeError):  # other systems than Linux have no prctl
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def descendants(pid: int) -> list[int]:
    """Every living process below ``pid``, nearest first."""
    parents: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{name}/stat") as stat:
                fields = stat.read().rpartition(")")[2].split()
                if fields[0] != "Z":
                    parents.setdefault(int(fields[1]), []).append(int(name))
    found, at = [], [pid]
    while at:
        at = [child for parent in at for child in parents.get(parent, [])]
        found += at
    return found


def _kill_everything() -> None:
    for _ in range(20):  # what is killed may have just forked
        left = descendants(os.getpid())
        if not left:
            return
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def _stop(server: "subprocess.Popen[bytes]", stop_signal: int, seconds: float) -> None:
    with contextlib.suppress(ProcessLookupError):
        server.send_signal(stop_signal)
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.wait(seconds)


def _told() -> bool:
    """Waits a moment; true when the parent has written a line, or closed our standard input by ending."""
    ready, _, _ = select.select([0], [], [], _POLL_S)
    return bool(ready)


def _line() -> str:
    text = b""
    while not text.endswith(b"\n") and (more := os.read(0, 1)):
        text += more
    return text.decode().strip()


def _alone() -> None:
    """In the child, before the server: it hears signals, and dies with us."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _started(orders: dict[str, Any], log: BinaryIO) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        orders["command"],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=orders["env"],
        cwd=orders["cwd"],
        user=orders["uid"],
        group=orders["gid"],
        extra_groups=None if orders["uid"] is None else [],
        start_new_session=True,
        preexec_fn=_alone,
    )


def run(orders: dict[str, Any]) -> int:
    """Start the server, wait for its end or for ours; returns its exit status."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # only the parent decides
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)

    log = open(orders["log"], "ab")  # noqa: SIM115  the server keeps it for its life
    server = _started(orders, log)
    with open(orders["pid_file"] + ".new", "w") as file:
        file.write(str(server.pid))
    os.replace(orders["pid_file"] + ".new", orders["pid_file"])
    orphaned = False
    while server.poll() is None:
        if _told():
            word = _line()
            orphaned = not word
            _stop(
                server,
                orders["orphan_signal"] if orphaned else int(word),
                3.0 if orphaned else orders["stop_s"],
            )
            break
    _kill_everything()
    status = server.wait()
    if orphaned:
        for command in orders["orphan_commands"]:
            subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False)
        for path in orders["remove"]:
            shutil.rmtree(path, ignore_errors=True)
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(run(json.loads(_line())))
