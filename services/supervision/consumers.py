"""What supervision hears: everything. Order, repetition and delay make no difference to where it ends."""

from __future__ import annotations

from collections.abc import Sequence

from libs.consumer import Consumers
from libs.envelope import Event
from libs.work import Place, Work
from services.supervision import handlers
from services.supervision import messages as heard
from services.supervision.storage import CALENDARS, CASE_FILES, ITEMS

consumers = Consumers()
ABOUT_CASES: dict[str, type[heard.AboutCase]] = {
    "intake.application_received.v1": heard.ApplicationReceived,
    "intake.completeness_check_requested.v1": heard.CompletenessCheckRequested,
    "review.defects_reported.v1": heard.DefectsReported,
    "intake.correction_requested.v1": heard.CorrectionRequested,
    "intake.application_corrected.v1": heard.ApplicationCorrected,
    "intake.application_declined.v1": heard.ApplicationDeclined,
    "intake.application_accepted.v1": heard.ApplicationAccepted,
    "intake.review_requested.v1": heard.ReviewRequested,
    "intake.review_released.v1": heard.ReviewReleased,
    "review.opinion_given.v1": heard.OpinionGiven,
    "intake.decision_due.v1": heard.DecisionDue,
    "review.decision_made.v1": heard.LeadDecisionMade,
    "intake.decision_made.v1": heard.DecisionMade,
    "fee.charge_assessed.v1": heard.ChargeAssessed,
    "fee.payment_received.v1": heard.PaymentReceived,
    "fee.charge_cancelled.v1": heard.ChargeCancelled,
    "intake.permit_issued.v1": heard.PermitIssued,
    "intake.refusal_issued.v1": heard.RefusalIssued,
    "intake.document_delivered.v1": heard.DocumentDelivered,
    "intake.application_withdrawn.v1": heard.ApplicationWithdrawn,
    "intake.review_closed.v1": heard.ReviewClosed,
}


def _loads(event: Event) -> Sequence[Place]:
    item_code = str(event.data["item_code"])
    return [(CASE_FILES, (event.subject,)), (ITEMS, (item_code,)), (CALENDARS, (handlers.CENTER,))]


async def on_something_about_a_case(work: Work, event: Event, data: heard.AboutCase) -> None:
    """Every event about a case is noted the same way."""
    await handlers.note_happening(work, event, data)


for _name, _model in ABOUT_CASES.items():
    consumers.on(_name, _model, loads=_loads)(on_something_about_a_case)


@consumers.on("disclosure.calendar_published.v1", heard.CalendarPublished)
async def on_calendar_published(work: Work, event: Event, data: heard.CalendarPublished) -> None:
    """A year's working days."""
    await handlers.keep_calendar(work, data)


@consumers.on("disclosure.tariff_published.v1", heard.TariffPublished)
async def on_tariff_published(work: Work, event: Event, data: heard.TariffPublished) -> None:
    """A fee standard."""
    await handlers.keep_tariff(work, data)


@consumers.on("disclosure.rule_published.v1", heard.RulePublished)
async def on_rule_published(work: Work, event: Event, data: heard.RulePublished) -> None:
    """A conduct or management rule."""
    await handlers.keep_rule(work, data)


@consumers.on("disclosure.service_item_published.v1", heard.ServiceItemPublished)
async def on_service_item_published(work: Work, event: Event, data: heard.ServiceItemPublished) -> None:
    """A service item."""
    await handlers.keep_item(work, data)


@consumers.on("disclosure.record_published.v1", heard.RecordPublished)
async def on_record_published(work: Work, event: Event, data: heard.RecordPublished) -> None:
    """A leaf of the public log."""
    await handlers.keep_leaf(work, data)
