"""Retry until: what tests do instead of sleeping."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(condition: Callable[[], bool], seconds: float = 20.0, *, must: bool = True) -> bool:
    """Ask again until ``condition`` holds; AssertionError (or False) after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            assert not must, f"not within {seconds} s: {condition.__name__}"
            return False
        time.sleep(0.1)
    return True
