"""The clock's door: nothing of disclosure falls due; what is published stays, and a checkpoint comes with its leaf."""

from libs.timers import Timers

timers = Timers()
