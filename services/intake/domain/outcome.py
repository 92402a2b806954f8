"""Handing out the result: the permit with its validity, the refusal with its remedies, the delivery and
its proof."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Literal

from libs.deadlines import Calendars, legal_day
from services.intake.domain.clocks import clock
from services.intake.domain.items import Item
from services.intake.domain.records import Case, Charge, Clock, Decision, Delivered, Issued
from services.intake.domain.refusals import CaseClosed, ChargeDiffers, NotYet
from services.intake.domain.remedies import remedies


def decided_by_consent(case: Case, decision: Decision) -> Case:
    """Granted because all consented, as the published item says (AL 26(2))."""
    return case.model_copy(update={"state": "granted", "decision": decision})


def issue_permit(
    case: Case, item: Item, permit_no: str, now: datetime, calendars: Calendars, document_sha256: str
) -> Case:
    """The permit is issued; it must be delivered within the published days from the decision (AL 44)."""
    valid_from, valid_until = validity(case, item, now)
    issued = Issued(
        kind="permit",
        issued_at=now,
        document_sha256=document_sha256,
        delivery=_delivery(case, calendars, now),
        permit_no=permit_no,
        valid_from=valid_from,
        valid_until=valid_until,
    )
    return case.model_copy(update={"state": "issued", "issued": issued})


def issue_refusal(case: Case, item: Item, now: datetime, calendars: Calendars, document_sha256: str) -> Case:
    """The refusal is issued, with every remedy and its last day (AL 38, 7)."""
    issued = Issued(
        kind="refusal",
        issued_at=now,
        document_sha256=document_sha256,
        delivery=_delivery(case, calendars, now),
        remedies=tuple(remedies(item, legal_day(now), calendars)),
    )
    return case.model_copy(update={"state": "issued", "issued": issued})


def _delivery(case: Case, calendars: Calendars, now: datetime) -> Clock:
    decided = case.decision.decided_at if case.decision else now
    return clock(calendars, "delivery", legal_day(decided), case.delivery_wd)


def validity(case: Case, item: Item, now: datetime) -> tuple[date, date | None]:
    """First and last day of validity: so many days from the day of issue, or until the day the applicant
    asked for."""
    first = legal_day(now)
    if item.permit.validity_days is not None:
        return first, first + timedelta(days=item.permit.validity_days - 1)
    asked = case.facts.get(item.permit.valid_until_field or "")
    return first, date.fromisoformat(asked) if isinstance(asked, str) else None


def deliver(case: Case, how: Literal["online", "window"], now: datetime) -> Case:
    """The document is in the person's hands; this is kept as the proof of delivery (AL 44)."""
    if case.state == "delivered" or not case.is_open:
        raise CaseClosed(case.state)
    if case.issued is None:
        raise NotYet("no document has been issued")
    return case.model_copy(update={"state": "delivered", "delivery": Delivered(delivered_at=now, how=how)})


def assess(case: Case, charge: Charge) -> Case:
    """Fee has billed this case; a second, different bill is not taken."""
    if case.fee_timing is None:
        raise ChargeDiffers("the published item has no fee")
    if case.charge is not None:
        if (case.charge.bill_no, case.charge.total_fen) == (charge.bill_no, charge.total_fen):
            return case
        raise ChargeDiffers(f"the case has bill {case.charge.bill_no}")
    return case.model_copy(update={"charge": charge})


def settle_charge(case: Case, bill_no: str, amount_fen: int, paid_at: datetime) -> Case:
    """The bill is paid: exactly its amount, or it is not this bill's payment."""
    charge = _same_bill(case, bill_no)
    if amount_fen != charge.total_fen:
        raise ChargeDiffers(f"billed {charge.total_fen} fen, paid {amount_fen} fen")
    if charge.paid_at is not None:
        return case
    return case.model_copy(update={"charge": charge.model_copy(update={"paid_at": paid_at})})


def cancel_charge(case: Case, bill_no: str, cancelled_at: datetime) -> Case:
    """Fee asks for nothing any more."""
    charge = _same_bill(case, bill_no)
    return case.model_copy(update={"charge": charge.model_copy(update={"cancelled_at": cancelled_at})})


def _same_bill(case: Case, bill_no: str) -> Charge:
    if case.charge is None or case.charge.bill_no != bill_no:
        raise ChargeDiffers(f"bill {bill_no} is not the bill of this case")
    return case.charge
