"""Starts a service that can be made to die at a named point; the product knows nothing of it.

``python -m tests.faults.armed MODULE`` runs ``libs.runner`` on MODULE with the functions at each point wrapped.
On SIGUSR1 it reads FAULTS_ARM_FILE (``point nth``): the nth passage of that point from then on writes one line
to FAULTS_CRASH_LOG and kills the process with SIGKILL. ``… armed POINT NTH MODULE`` is armed from the start.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

POINTS = (
    "before_commit",
    "after_commit_before_publish",
    "after_publish_before_confirm",
    "after_confirm_before_marking",
    "after_inbox_before_ack",
    "after_effect_before_commit",
)
_armed: dict[str, Any] = {"point": "", "left": 0}
_carries: ContextVar[frozenset[str]] = ContextVar("carries", default=frozenset())


def passed(point: str) -> None:
    """This point is passed; the process may end here."""
    if _armed["point"] != point:
        return
    _armed["left"] -= 1
    if _armed["left"] > 0:
        return
    line = json.dumps({"name": os.environ.get("FAULTS_NAME", ""), "point": point, "pid": os.getpid()})
    log = os.open(os.environ["FAULTS_CRASH_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, line.encode() + b"\n")
    os.kill(os.getpid(), signal.SIGKILL)


def arm(point: str, nth: int) -> None:
    """The nth passage of ``point`` from now on is the last thing this process does."""
    if point not in POINTS:
        raise ValueError(f"{point} is none of {POINTS}")
    _armed.update(point=point, left=nth)


def _arm_from_file(*_: Any) -> None:
    point, nth = Path(os.environ["FAULTS_ARM_FILE"]).read_text().split()
    arm(point, int(nth))


def _wrap(owner: Any, name: str, around: Callable[..., Awaitable[Any]]) -> None:
    original = getattr(owner, name)

    async def wrapped(*args: Any, **kwargs: Any) -> Any:
        return await around(original, *args, **kwargs)

    setattr(owner, name, wrapped)


async def _write_outbox(original: Any, *args: Any) -> Any:
    rows = await original(*args)
    if rows:
        _carries.set(_carries.get() | {"said"})
    return rows


async def _hear_inbox(original: Any, *args: Any) -> Any:
    fresh = await original(*args)
    if fresh:
        _carries.set(_carries.get() | {"heard"})
    return fresh


async def _execute(original: Any, self: Any, query: str, *args: Any, **kwargs: Any) -> Any:
    word = query.strip().upper()
    if word.startswith("COMMIT"):
        carries = _carries.get()
        if "said" in carries:
            passed("before_commit")
        if "heard" in carries:
            passed("after_effect_before_commit")
        answer = await original(self, query, *args, **kwargs)
        if "said" in carries:
            passed("after_commit_before_publish")
        _carries.set(frozenset())
        return answer
    if word.startswith("ROLLBACK"):
        _carries.set(frozenset())
    return await original(self, query, *args, **kwargs)


async def _confirm(original: Any, self: Any, frame: Any) -> Any:
    if type(frame).__name__ == "Ack":
        passed("after_publish_before_confirm")
    return await original(self, frame)


async def _mark(original: Any, connection: Any, seqs: Any) -> Any:
    if seqs:
        passed("after_confirm_before_marking")
    return await original(connection, seqs)


async def _acknowledge(original: Any, *args: Any, **kwargs: Any) -> Any:
    passed("after_inbox_before_ack")
    return await original(*args, **kwargs)


def install() -> None:
    """Wrap what lies at the points; AttributeError when one of them has moved."""
    import aiormq.channel
    import asyncpg.connection

    from libs import inbox, outbox

    _wrap(outbox, "write", _write_outbox)
    _wrap(outbox, "mark_sent", _mark)
    _wrap(inbox, "hear", _hear_inbox)
    _wrap(asyncpg.connection.Connection, "execute", _execute)
    _wrap(aiormq.channel.Channel, "_on_confirm_frame", _confirm)
    _wrap(aiormq.channel.Channel, "basic_ack", _acknowledge)
    signal.signal(signal.SIGUSR1, _arm_from_file)


def main() -> None:
    """See the module docstring."""
    from libs import runner

    install()
    *point, module = sys.argv[1:]
    if point:
        arm(point[0], int(point[1]))
    sys.argv = [sys.argv[0], module]
    runner.main()


if __name__ == "__main__":
    main()
