"""Bills against our own recomputation from the published tariff and the accepted facts (AL 58, 59, 75)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from services.supervision.domain.case_file import Happening
from services.supervision.domain.charges import CannotRecompute, recompute
from services.supervision.domain.conditions import UnknownCondition
from services.supervision.domain.rules.view import (
    BILL,
    CANCELLED,
    PAYMENT,
    PERMIT,
    Fault,
    View,
    Wait,
)
from services.supervision.domain.workdays import legal_day

STANDARD = "AL 59"


def bill_agrees(view: View) -> Iterator[Fault | Wait]:
    """AL 58(1), 59: charged only by the published item and standard, line by line to the fen."""
    for bill in view.case.all(BILL):
        fee = view.item.fee
        if fee is None:
            yield Fault("AL 58(1)", "no charge for this item", f"{bill.data['total_fen']} fen", bill)
            continue
        if view.accepted is None:
            yield view.absent(STANDARD, "accepted before it is charged", bill)
            continue
        yield from _recomputed(view, bill)


def _recomputed(view: View, bill: Happening) -> Iterator[Fault | Wait]:
    fee, accepted = view.item.fee, view.accepted
    if fee is None or view.tariffs is None or accepted is None:
        return
    tariff = view.tariffs.in_force(legal_day(datetime.fromisoformat(accepted.data["accepted_at"])))
    if tariff is None:
        yield view.absent(STANDARD, f"a version of {fee.tariff_code} in force on acceptance", bill)
        return
    told = (bill.data["tariff_code"], bill.data["tariff_version"])
    if told[0] == tariff.tariff_code and view.tariffs.version(told[1]) is None:
        yield view.absent(STANDARD, f"{told[0]} version {told[1]} published before it is charged by", bill)
        return
    if told != (tariff.tariff_code, tariff.version):
        expected = f"{tariff.tariff_code} version {tariff.version}"
        yield Fault(STANDARD, expected, f"{told[0]} version {told[1]}", bill)
    inputs = {name: view.facts.get(field) for name, field in fee.inputs.items()}
    try:
        charge = recompute(tariff, inputs)
    except (CannotRecompute, UnknownCondition) as reason:
        yield Fault(STANDARD, "a charge the published standard can give", str(reason), bill)
        return
    if bill.data["total_fen"] != charge.total_fen:
        yield Fault(STANDARD, f"{charge.total_fen} fen", f"{bill.data['total_fen']} fen", bill)
    lines = [line["amount_fen"] for line in bill.data["lines"]]
    if sum(lines) != bill.data["total_fen"]:
        found = f"{sum(lines)} of {bill.data['total_fen']} fen"
        yield Fault(STANDARD, "lines that add up to the total", found, bill)


def one_bill(view: View) -> Iterator[Fault | Wait]:
    """AL 59: one case, one item, one bill."""
    for second in view.case.all(BILL)[1:]:
        yield Fault(STANDARD, "one bill for the case", f"a further bill {second.data['bill_no']}", second)


def paid_what_was_billed(view: View) -> Iterator[Fault | Wait]:
    """AL 59: what is taken is what was billed, once."""
    bills = {bill.data["bill_no"]: bill for bill in view.case.all(BILL)}
    paid: set[str] = set()
    for payment in view.case.all(PAYMENT):
        number = payment.data["bill_no"]
        bill = bills.get(number)
        if number in paid:
            yield Fault(STANDARD, f"bill {number} is settled once", "settled again", payment)
        paid.add(number)
        if bill is None:
            yield view.absent(STANDARD, f"bill {number} before its payment", payment)
        elif payment.data["amount_fen"] != bill.data["total_fen"]:
            found = f"{payment.data['amount_fen']} fen taken"
            yield Fault(STANDARD, f"{bill.data['total_fen']} fen of bill {number}", found, payment)


def permit_waits_for_payment(view: View) -> Iterator[Fault | Wait]:
    """The item publishes when it is paid: no permit before the charge is in (exempt: nothing to pay)."""
    if view.item.fee is None:
        return
    for permit in view.case.all(PERMIT):
        bill = view.case.first(BILL)
        if bill is None:
            yield view.absent(STANDARD, "the published charge assessed before the permit", permit)
        elif bill.data["total_fen"] > 0 and not view.case.all(CANCELLED):
            payment = view.case.first(PAYMENT)
            if payment is None:
                yield view.absent(STANDARD, "the charge paid before the permit", permit)
            elif payment.at > permit.at:
                yield Fault(STANDARD, "the charge paid before the permit", f"paid at {payment.at}", permit)
