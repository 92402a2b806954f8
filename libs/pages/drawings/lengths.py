"""Lengths in a drawing: x in percent so that it stretches, y in pixels so that text stays readable."""

from __future__ import annotations

from dataclasses import dataclass


def percent(number: float) -> str:
    """An SVG length in percent."""
    return f"{number:.2f}%"


@dataclass(frozen=True)
class Span:
    """A bar or band: where it begins, how wide, and its colour class."""

    x: str
    width: str
    kind: str = ""
