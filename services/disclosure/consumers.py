"""The services' door: which events of intake, review and fee become leaves of the public log."""

from __future__ import annotations

from libs.consumer import Consumers
from libs.envelope import Event
from libs.work import Place, Work
from services.disclosure import handlers
from services.disclosure.messages import (
    ApplicationAccepted,
    ApplicationDeclined,
    ApplicationReceived,
    ChargeAssessed,
    DecisionMade,
)
from services.disclosure.storage.tables import LOG

consumers = Consumers()


def _log(event: Event) -> list[Place]:
    """Every event here appends to the log: its one row is locked with the batch."""
    return [(LOG, ("log",))]


@consumers.on("intake.application_received.v1", ApplicationReceived, loads=_log)
async def on_application_received(work: Work, event: Event, data: ApplicationReceived) -> None:
    """The voucher of receipt is public at once."""
    await handlers.record_voucher(
        work, event, data, voucher="received", paper=data.voucher, at=data.received_at
    )


@consumers.on("intake.application_accepted.v1", ApplicationAccepted, loads=_log)
async def on_application_accepted(work: Work, event: Event, data: ApplicationAccepted) -> None:
    """The voucher of acceptance is public at once."""
    await handlers.record_voucher(
        work, event, data, voucher="accepted", paper=data.voucher, at=data.accepted_at
    )


@consumers.on("intake.application_declined.v1", ApplicationDeclined, loads=_log)
async def on_application_declined(work: Work, event: Event, data: ApplicationDeclined) -> None:
    """The voucher of declining is public at once."""
    await handlers.record_voucher(
        work, event, data, voucher="declined", paper=data.voucher, at=data.declined_at
    )


@consumers.on("review.decision_made.v1", DecisionMade, loads=_log)
async def on_decision_made(work: Work, event: Event, data: DecisionMade) -> None:
    """The lead department has decided."""
    await handlers.record_decision(work, event, data)


@consumers.on("intake.decision_made.v1", DecisionMade, loads=_log)
async def on_unanimous_decision_made(work: Work, event: Event, data: DecisionMade) -> None:
    """Unanimous consent has decided."""
    await handlers.record_decision(work, event, data)


@consumers.on("fee.charge_assessed.v1", ChargeAssessed, loads=_log)
async def on_charge_assessed(work: Work, event: Event, data: ChargeAssessed) -> None:
    """A bill was assessed by a published tariff."""
    await handlers.record_bill(work, event, data)
