"""Knows how a bill and the books become figures: the parts of a sum in reading order, balances."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from libs.money import money_text
from libs.pages.words import mark
from services.fee.domain.assessment import Line, tier_text
from services.fee.domain.tariffs import Tariff
from services.fee.storage.views import Balances, BillView

Text = Callable[..., str]
RATE = mark("单价（元）")
TO_PAY = mark("应缴")
LINE_SUM = mark("小计")
MINIMUM = mark("补足最低收费额")
TO_TREASURY = mark("缴入国库")
EXEMPT = mark("免缴")


def ledgers(bill: BillView, language: str, text: Text) -> list[list[dict[str, Any]]]:
    """For each line of the bill its sum from left to right; several lines end in a sum of sums."""
    tariff = Tariff.model_validate(bill.tariff)
    facts = json.loads(bill.document["body"])["facts"]
    single = len(bill.lines) == 1
    drawn = [_line(tariff, facts, line, language, text, single=single) for line in bill.lines]
    if not single:
        drawn.append(_total(bill, language, text))
    return drawn


def _line(
    tariff: Tariff, facts: dict[str, Any], line: Line, language: str, text: Text, *, single: bool
) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    for code in sorted(line.quantity, key=[*tariff.quantity, "minimum"].index):
        label = text(MINIMUM) if code == "minimum" else tariff.label(code, language)
        parts.append({"label": label, "value": line.quantity[code], "op": "×" if parts else None})
    parts.append(
        {
            "label": text(RATE),
            "value": line.rate,
            "op": "×",
            "note": _why(tariff, facts, line, language, text),
        }
    )
    parts.append({
        "label": text(TO_PAY if single else LINE_SUM), "value": money_text(line.amount_fen, language),
        "op": "=", "note": text(TO_TREASURY) if single else None, "sum": True,
    })  # fmt: skip
    return parts


def _total(bill: BillView, language: str, text: Text) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [
        {
            "label": text(LINE_SUM),
            "value": money_text(line.amount_fen, language),
            "op": "+" if place else None,
        }
        for place, line in enumerate(bill.lines)
    ]
    total = {"label": text(TO_PAY), "value": money_text(bill.total_fen, language), "op": "=", "sum": True}
    return [*parts, {**total, "note": text(TO_TREASURY)}]


def _why(tariff: Tariff, facts: dict[str, Any], line: Line, language: str, text: Text) -> str:
    """Why this rate: the chosen values and the tier, in words."""
    if line.tier and line.tier.startswith("exempt"):
        return text(EXEMPT)
    words = [
        choice.label.in_language(language)
        for entry in tariff.inputs
        for choice in entry.choices or ()
        if choice.code == facts.get(entry.code)
    ]
    tier = _tier_label(tariff, line.tier, language)
    joint = ", " if language.startswith("en") else "，"
    return joint.join([*words, tier] if tier else words)


def _tier_label(tariff: Tariff, tier_words: str | None, language: str) -> str | None:
    """The published words of a tier, or the tier as the bill writes it."""
    if tier_words is None or tariff.tier_by is None:
        return tier_words
    for band in tariff.bands:
        low = Decimal(0)
        for tier in band.tiers:
            if tier.label is not None and tier_text(tariff.tier_by, low, tier) == tier_words:
                return tier.label.in_language(language)
            low = tier.limit if tier.limit is not None else low
    return tier_words


def basis(bill: BillView) -> list[dict[str, str]]:
    """The rules the charge rests on, the one that carries it first."""
    return [dict(entry) for entry in bill.tariff["basis"]]


@dataclass(frozen=True)
class Subject:
    """The three accounts of one treasury subject code, in fen: charged, still open, in the treasury."""

    subject_code: str
    charged_fen: int
    open_fen: int
    treasury_fen: int

    @property
    def agrees(self) -> bool:
        """Whether what was charged is either open or in the treasury, and nowhere else."""
        return self.charged_fen == self.open_fen + self.treasury_fen


def subjects(books: Balances) -> list[Subject]:
    """The books by subject code."""
    codes = sorted({each.subject_code for each in books.balances})
    at = {(each.subject_code, each.kind): each.balance_fen for each in books.balances}
    return [
        Subject(code, -at[(code, "revenue")], at[(code, "receivable")], at[(code, "treasury")])
        for code in codes
    ]


def sums(books: Balances) -> dict[str, Any]:
    """The four figures at the top of the treasury page."""
    listed = subjects(books)
    return {
        "charged_fen": sum(each.charged_fen for each in listed),
        "open_fen": sum(each.open_fen for each in listed),
        "treasury_fen": sum(each.treasury_fen for each in listed),
        "agree": books.sum_fen == 0
        and all(day.equal for day in books.days)
        and all(s.agrees for s in listed),
    }
