"""Supervision: hears everything, watches every clock, recomputes limits and fees; commands nobody."""
