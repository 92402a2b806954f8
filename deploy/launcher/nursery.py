"""Starts service processes quickly: imports the libraries once, then forks one process per service.

Run as ``python -m deploy.launcher.nursery``. Standard input carries orders, one JSON line each; standard
output carries what happened. End of input means the launcher is gone: every service gets SIGTERM, a few
seconds, SIGKILL. A service dies with the nursery. Importing takes 3 s of CPU, a fork nothing: with
twenty-two services on two cores this is the difference between half a minute and a few seconds.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import random
import selectors
import signal
import sys
import time
import traceback
from typing import Any, NoReturn

PRELOADED = (
    "libs.runner", "libs.migration", "jinja2", "babel.dates", "babel.numbers", "segno", "yaml", "rfc8785",
    "aio_pika", "asyncpg", "uvicorn.protocols.http.auto", "uvicorn.lifespan.on", "python_multipart",
)  # fmt: skip
STOP_S = 8.0
_PR_SET_PDEATHSIG = 1


class Nursery:
    """The forked services by name, and what becomes of them."""

    def __init__(self) -> None:
        self._children: dict[int, str] = {}
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        signal.set_wakeup_fd(self._wake_write)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # only the launcher decides

    def run(self) -> None:
        """Obey orders until the input ends."""
        for name in PRELOADED if sys.argv[1:] != ["--bare"] else ():
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
        self._tell(event="ready")
        selector = selectors.DefaultSelector()
        selector.register(0, selectors.EVENT_READ)
        selector.register(self._wake_read, selectors.EVENT_READ)
        rest = b""
        while True:
            for key, _ in selector.select(1.0):
                read = os.read(key.fd, 65536)
                if key.fd != 0:
                    continue
                if not read:
                    self._end_all()
                    return
                *lines, rest = (rest + read).split(b"\n")
                for line in lines:
                    self._start(json.loads(line))
            self._reap()

    def _start(self, order: dict[str, Any]) -> None:
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            _become(order, os.getppid())
        self._children[pid] = order["name"]
        self._tell(event="started", name=order["name"], pid=pid)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            name = self._children.pop(pid, None)
            if name is not None:
                self._tell(event="ended", name=name, pid=pid, status=os.waitstatus_to_exitcode(status))

    def _end_all(self) -> None:
        for number, seconds in ((signal.SIGTERM, STOP_S), (signal.SIGKILL, 2.0)):
            for pid in list(self._children):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, number)
            until = time.monotonic() + seconds
            while self._children and time.monotonic() < until:
                self._reap()
                time.sleep(0.02)

    def _tell(self, **what: Any) -> None:
        with contextlib.suppress(BrokenPipeError):  # the launcher is gone: end of input follows
            os.write(1, json.dumps(what).encode() + b"\n")


def _become(order: dict[str, Any], parent: int) -> NoReturn:
    """The forked process turns into the service, as if it had been started by ``python -m``."""
    status = 1
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        os.closerange(3, 1024)
        os.environ.clear()
        os.environ.update(order["env"])
        random.seed()
        module, _, function = order["entry"].partition(":")
        sys.argv = [module, *order["arguments"]]
        getattr(importlib.import_module(module), function)()
        status = 0
    except SystemExit as left:
        status = left.code if isinstance(left.code, int) else 0 if left.code is None else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    Nursery().run()
