"""Supervision's own reading of the law: working days, clocks, charges, and what may be faulted. Pure.

Nothing here is shared with the services that are watched: an error in theirs must show against ours.
"""
