"""Knows what a bill's number looks like."""

from __future__ import annotations

import re

BILL_NO = r"^B-[0-9]{4}-[0-9]{6,12}$"
_BILL_NO = re.compile(BILL_NO)


def bill_no_of(year: int, number: int) -> str:
    """The number of the ``number``-th bill, written with the legal year it was made in."""
    return f"B-{year}-{number:06d}"


def is_bill_no(text: str) -> bool:
    """Whether ``text`` can be a bill's number at all; whatever else is simply not there."""
    return _BILL_NO.fullmatch(text) is not None
