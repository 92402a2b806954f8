"""The services' door: which event leads to which deed."""

from __future__ import annotations

from libs.consumer import Consumers
from libs.envelope import Event
from libs.work import Place, Work
from services.fee import storage
from services.fee.handlers import cases, catalogue
from services.fee.messages import (
    ApplicationAccepted,
    ApplicationWithdrawn,
    IntakeDecisionMade,
    RecordPublished,
    ReviewDecisionMade,
    ServiceItemPublished,
    TariffPublished,
)

consumers = Consumers()


def _case(event: Event) -> list[Place]:
    return [(storage.CASES, (event.subject,))]


def _case_and_item(event: Event) -> list[Place]:
    item = (str(event.data["item_code"]), str(event.data["item_version"]))
    return [*_case(event), (storage.ITEMS, item)]


def _case_of_bill(event: Event) -> list[Place]:
    return _case(event) if event.data["record_kind"] == "bill" else []


@consumers.on("disclosure.tariff_published.v1", TariffPublished)
async def on_tariff_published(work: Work, event: Event, data: TariffPublished) -> None:
    """A fee standard was published."""
    await catalogue.keep_tariff(work, data, event.data)


@consumers.on("disclosure.service_item_published.v1", ServiceItemPublished)
async def on_service_item_published(work: Work, event: Event, data: ServiceItemPublished) -> None:
    """A service item was published."""
    await catalogue.keep_item(work, data)


@consumers.on("intake.application_accepted.v1", ApplicationAccepted, loads=_case_and_item)
async def on_application_accepted(work: Work, event: Event, data: ApplicationAccepted) -> None:
    """An application was accepted: its day of acceptance fixes the tariff version."""
    await cases.open_case(work, event.subject, data)


@consumers.on("review.decision_made.v1", ReviewDecisionMade, loads=_case)
async def on_review_decision_made(work: Work, event: Event, data: ReviewDecisionMade) -> None:
    """The lead department decided."""
    await cases.note_decision(work, event.subject, data)


@consumers.on("intake.decision_made.v1", IntakeDecisionMade, loads=_case)
async def on_intake_decision_made(work: Work, event: Event, data: IntakeDecisionMade) -> None:
    """Unanimous consent decided."""
    await cases.note_decision(work, event.subject, data)


@consumers.on("intake.application_withdrawn.v1", ApplicationWithdrawn, loads=_case)
async def on_application_withdrawn(work: Work, event: Event, data: ApplicationWithdrawn) -> None:
    """The applicant took the application back."""
    await cases.note_withdrawal(work, event.subject, data)


@consumers.on("disclosure.record_published.v1", RecordPublished, loads=_case_of_bill)
async def on_record_published(work: Work, event: Event, data: RecordPublished) -> None:
    """Something stands in the public log; fee keeps the proofs of its bills."""
    await cases.keep_proof(work, event.subject, data)
