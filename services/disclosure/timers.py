"""The clock's door: nothing of disclosure falls due; a checkpoint comes with its leaves."""

from libs.timers import Timers

timers = Timers()
