"""Serves one service and samples where its CPU time goes (every 2 ms of it); for looking, not for figures.

BENCH_PROFILE names the file: per line a number of samples and the stack, outermost first, as flame graphs and
``python -m tests.benchmarks.full_chain_profile FILE…`` read it. Native code counts for its Python caller.
"""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

from libs import runner

EVERY_S = 0.002
_STACKS: Counter[tuple[str, ...]] = Counter()


def _sample(_: int, frame: FrameType | None) -> None:
    stack = []
    while frame is not None:
        code = frame.f_code
        path = code.co_filename
        for root in ("site-packages/", "/lib/python3.11/", f"{Path(__file__).parents[2]}/"):
            path = path.rpartition(root)[2]
        stack.append(f"{path}:{code.co_qualname}")
        frame = frame.f_back
    _STACKS[tuple(reversed(stack))] += 1


def _write() -> None:
    with open(os.environ["BENCH_PROFILE"], "w", encoding="utf-8") as file:
        for stack, number in _STACKS.most_common():
            file.write(f"{';'.join(stack)} {number}\n")


def main() -> None:
    """Like libs.runner.main, sampled from SIGUSR1 on; written at the end of the process."""
    signal.signal(signal.SIGPROF, _sample)
    signal.signal(signal.SIGUSR1, lambda *_: signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        runner.main()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        _write()


def report(paths: list[str], shown: int = 60) -> None:
    """Print, over all files, in which functions time was spent, with and without what they called."""
    own: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    total = 0
    for path in paths:
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            stack, _, number = line.rpartition(" ")
            frames = stack.split(";")
            total += int(number)
            own[frames[-1]] += int(number)
            for frame in set(frames):
                whole[frame] += int(number)
    print(f"{total * EVERY_S:.2f} s of CPU")
    for title, counted in (("with what it called", whole), ("by itself", own)):
        print(f"-- {title}")
        for name, number in counted.most_common(shown):
            print(f"{100 * number / total:6.1f} %  {name}")


if __name__ == "__main__":
    report(sys.argv[1:])
