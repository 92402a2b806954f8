"""Knows what fee may do: published tariffs, exact assessment, and the life of one bill. Pure, no I/O."""
