"""Money is exact: text and integers in, whole fen out, half a fen goes up, a float never gets in."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.money import (
    NotExact,
    decimal_text,
    exact_decimal,
    fen_from_yuan,
    money_text,
    product,
    yuan_from_fen,
    yuan_text,
)

AMOUNTS = st.integers(min_value=-(10**15), max_value=10**15)


@pytest.mark.parametrize(
    ("yuan", "fen"),
    [("0.005", 1), ("0.004999", 0), ("1.005", 101), ("2.675", 268), ("10800", 1080000), ("-0.005", -1), ("0", 0)],
)
def test_rounding_goes_half_up_to_the_fen(yuan: str, fen: int) -> None:
    assert fen_from_yuan(Decimal(yuan)) == fen


@pytest.mark.parametrize(
    "bad",
    [1.0, 0.1, float("nan"), True, None, "", " 1", "1e3", "NaN", "Infinity", "0x10", "1,000", "١٢", "01", ".5", "1.",
     "+1", "1" * 16, "0." + "1" * 10, Decimal("NaN"), Decimal("Infinity"), b"1", [], "1\n"],
)  # fmt: skip
def test_exact_decimal_refuses_what_is_no_plain_number(bad: object) -> None:
    with pytest.raises(NotExact):
        exact_decimal(bad)


@pytest.mark.parametrize("bad", [1.0, True, "1", Decimal(1)])
def test_an_amount_in_fen_is_an_integer_and_nothing_else(bad: object) -> None:
    with pytest.raises(NotExact):
        yuan_from_fen(bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", ["NaN", "Infinity", "-Infinity"])
def test_no_amount_comes_from_nan_or_infinity(bad: str) -> None:
    with pytest.raises(NotExact):
        fen_from_yuan(Decimal(bad))


@given(AMOUNTS)
def test_fen_and_yuan_are_the_same_amount_there_and_back(amount_fen: int) -> None:
    assert fen_from_yuan(yuan_from_fen(amount_fen)) == amount_fen
    assert Decimal(yuan_text(amount_fen).replace(",", "")) * 100 == amount_fen


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=6, allow_nan=False, allow_infinity=False))
def test_rounding_agrees_with_the_definition_of_half_up(yuan: Decimal) -> None:
    assert fen_from_yuan(yuan) == int((yuan * 100).to_integral_value(rounding=ROUND_HALF_UP))


@given(st.decimals(min_value=0, max_value=10**9, places=4, allow_nan=False, allow_infinity=False))
def test_decimal_text_reads_back_as_the_same_number(number: Decimal) -> None:
    assert exact_decimal(decimal_text(number)) == number


@given(st.lists(st.integers(min_value=0, max_value=10**15), max_size=3))
def test_a_product_is_exact(factors: list[int]) -> None:
    expected = Fraction(1)
    for factor in factors:
        expected *= Fraction(factor, 10**6)
    assert Fraction(product(*[Decimal(factor).scaleb(-6) for factor in factors])) == expected


def test_money_is_written_as_each_language_writes_it() -> None:
    assert money_text(1080000) == "10,800.00 元"
    assert money_text(1080000, "en") == "¥10,800.00"
    assert money_text(-5, "en") == "-¥0.05"
