"""A process for the nursery to start: writes down who it is, then waits to be ended."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path


def main() -> None:
    """Write ``pid name`` into the file given as argument, then wait; ``fail`` as second argument ends badly."""
    Path(sys.argv[1]).write_text(f"{os.getpid()} {os.environ['TOY']} {os.environ.get('ONEWINDOW_LEAK')}")
    print("written", flush=True)
    if sys.argv[2:] == ["fail"]:
        raise ValueError("as told")
    threading.Event().wait()
