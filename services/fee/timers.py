"""The clock's door: nothing of fee's falls due by time alone yet; bills have no due date of their own."""

from __future__ import annotations

from libs.timers import Timers

timers = Timers()
