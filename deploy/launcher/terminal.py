"""What every command shares: where it prints, how it ends, which center it means."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

from deploy.healing import Unreached
from deploy.launcher.attached import NoCenter
from deploy.launcher.clock_driver import ClockStuck
from deploy.launcher.processes import NurseryFailed
from deploy.servers import Missing, ServerFailed

console = Console(highlight=False, width=None if sys.stdout.isatty() else 132)
OfRun = Annotated[Path | None, typer.Option("--run-dir", help="The center's folder (default: the newest).")]


def fail(text: str) -> NoReturn:
    """End with status 1 and this text."""
    console.print(text, style="bold red", markup=False, soft_wrap=True)
    raise typer.Exit(1)


def run(work: Coroutine[Any, Any, bool]) -> None:
    """Run a command to its end; what is missing is said in one sentence, without a traceback."""
    try:
        fine = asyncio.run(work)
    except (Missing, ServerFailed, NurseryFailed, ClockStuck, NoCenter, Unreached) as known:
        fail(str(known))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    if not fine:
        raise typer.Exit(1)
