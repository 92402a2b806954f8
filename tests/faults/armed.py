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


def _note(sql: str) -> None:
    carried = {
        name for name, into in (("said", "outbox"), ("heard", "inbox")) if f"INSERT INTO {into}" in sql
    }
    _carries.set(_carries.get() | carried)


def _about_to_commit() -> None:
    if "said" in _carries.get():
        passed("before_commit")
    if "heard" in _carries.get():
        passed("after_effect_before_commit")


async def _fetch(original: Any, self: Any, statement: Any) -> Any:
    _note(statement.sql)
    return await original(self, statement)


async def _commit(original: Any, self: Any, last: Any) -> Any:
    """A transaction that is one statement passes the points before a commit before that statement."""
    if last is not None:
        _note(last.sql)
        if "DELETE FROM unsent" in last.sql:
            passed("after_confirm_before_marking")
        if not self._begun:
            _about_to_commit()
    rows = await original(self, last)
    if "said" in _carries.get():
        passed("after_commit_before_publish")
    _carries.set(frozenset())
    return rows


async def _say(original: Any, self: Any, word: str) -> Any:
    if word == "COMMIT":
        _about_to_commit()
    elif word == "BEGIN":
        _carries.set(frozenset())
    return await original(self, word)


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

    from libs import outbox
    from libs.session import Session

    _wrap(outbox, "mark_sent", _mark)
    _wrap(Session, "fetch", _fetch)
    _wrap(Session, "commit", _commit)
    _wrap(Session, "_say", _say)
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
