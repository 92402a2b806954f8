"""Computes every coordinate of the drawings; the macros in templates/kit only write them down.

Pure: facts in, numbers out. A *lane* is one clock on a shared axis of days, a *strip* shows many clocks at
once, a *proof* is the path of a leaf to its checkpoint.
"""

from libs.pages.drawings.days import Axis, Cell, Lane, calendar, lane, runs
from libs.pages.drawings.lengths import Span, percent
from libs.pages.drawings.plots import Box, Mark, Plot, bars, fan_out, line_plot, strip
from libs.pages.drawings.proofs import Proof, ProofStep, proof

__all__ = [
    "Axis",
    "Box",
    "Cell",
    "Lane",
    "Mark",
    "Plot",
    "Proof",
    "ProofStep",
    "Span",
    "bars",
    "calendar",
    "fan_out",
    "lane",
    "line_plot",
    "percent",
    "proof",
    "runs",
    "strip",
]
