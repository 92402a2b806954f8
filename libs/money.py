"""Knows money: integer fen, rates as exact decimals, half-up to the fen; a float never gets in."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal, Inexact

_PLAIN = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,9})?")
_FEN = Decimal("0.01")
# Wide enough for every product of three 24-digit numbers: multiplication stays exact or raises.
EXACT = Context(prec=96, traps=[Inexact])
_ROUND = Context(prec=96, rounding=ROUND_HALF_UP)


class NotExact(ValueError):
    """The value is no exact plain number: a float, a boolean, NaN, an exponent, too many digits."""


def exact_decimal(value: object) -> Decimal:
    """``value`` (int, Decimal or plain decimal text such as "12.50") as a Decimal; NotExact otherwise."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise NotExact(f"{type(value).__name__} is not an exact number")
    text = format(value, "f") if isinstance(value, Decimal) and value.is_finite() else str(value)
    if not _PLAIN.fullmatch(text):
        raise NotExact(f"{text[:40]!r} is not a plain decimal number")
    return Decimal(text)


def decimal_text(number: Decimal) -> str:
    """The shortest plain text of ``number``: "12.5" for 12.50, "0" for 0.00, never an exponent."""
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def product(*factors: Decimal) -> Decimal:
    """The exact product; nothing is rounded on the way."""
    result = Decimal(1)
    for factor in factors:
        result = EXACT.multiply(result, factor)
    return result


def fen_from_yuan(yuan: Decimal) -> int:
    """Yuan rounded half-up to whole fen; NotExact for NaN and infinity."""
    if not yuan.is_finite():
        raise NotExact(f"{yuan} is no amount")
    return int(_ROUND.quantize(yuan, _FEN).scaleb(2, _ROUND))


def yuan_from_fen(amount_fen: int) -> Decimal:
    """The amount in yuan, always with two decimals."""
    if isinstance(amount_fen, bool) or not isinstance(amount_fen, int):
        raise NotExact("an amount is a whole number of fen")
    return Decimal(amount_fen).scaleb(-2, EXACT)


def yuan_text(amount_fen: int) -> str:
    """The amount in yuan with two decimals and thousands separators, without a unit: "10,800.00"."""
    return f"{yuan_from_fen(amount_fen):,.2f}"


def money_text(amount_fen: int, language: str = "zh") -> str:
    """The amount as people read it: "10,800.00 元" in Chinese, "¥10,800.00" in English."""
    if language.startswith("en"):
        sign = "-" if amount_fen < 0 else ""
        return f"{sign}¥{yuan_text(abs(amount_fen))}"
    return f"{yuan_text(amount_fen)} 元"
