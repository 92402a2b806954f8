"""Python's cycle collector, set for a process that holds a batch of events at a time.

By default it looks through young objects every 700 allocations; a batch of a few hundred parsed events makes it
walk over the same living dictionaries again and again, for a quarter of the CPU of an event. Reference counting
frees nearly everything here; cycles (exceptions, tasks) are still found, less often. What is loaded at the start is
set aside, so that a look through everything else costs a millisecond or two: all generations have their turn, or what
a cycle holds would stay as long as the process.
"""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 20_000, 5, 5


def calm_collector() -> None:
    """Set what is loaded by now aside for ever, and look for cycles less often. Call it once, after imports."""
    gc.collect()
    gc.freeze()
    gc.collect()  # counts what is left: Python looks through the old only once a quarter as many are new
    gc.set_threshold(YOUNG, MIDDLE, OLD)
