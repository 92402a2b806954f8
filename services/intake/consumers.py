"""The services' door: which event goes to which deed, and which records it will want."""

from __future__ import annotations

from libs.consumer import Consumers
from libs.envelope import Event
from libs.work import Place, Work
from services.intake.handlers import gathering, publications
from services.intake.messages import heard
from services.intake.storage import CASES, CHECKS, PROOFS, REVIEWS

consumers = Consumers()


def _case(event: Event) -> list[Place]:
    return [(CASES, (event.subject,))]


def _case_and_review(event: Event) -> list[Place]:
    return [(CASES, (event.subject,)), (REVIEWS, (event.subject, str(event.data["department"])))]


def _case_and_check(event: Event) -> list[Place]:
    return [(CASES, (event.subject,)), (CHECKS, (event.subject, str(event.data["department"])))]


def _proof(event: Event) -> list[Place]:
    of = event.data["of_event"]
    return [(PROOFS, (str(of["source"]), str(of["id"])))]


@consumers.on("disclosure.calendar_published.v1", heard.CalendarPublished)
async def on_calendar_published(work: Work, event: Event, data: heard.CalendarPublished) -> None:
    """Days off and make-up days of a year."""
    await publications.keep_calendar(work, data)


@consumers.on("disclosure.service_item_published.v1", heard.ServiceItemPublished)
async def on_service_item_published(work: Work, event: Event, data: heard.ServiceItemPublished) -> None:
    """From now on this version can be applied for when it is in force."""
    await publications.keep_item(work, data)


@consumers.on("disclosure.rule_published.v1", heard.RulePublished)
async def on_rule_published(work: Work, event: Event, data: heard.RulePublished) -> None:
    """A rule to link to."""
    await publications.keep_rule(work, data)


@consumers.on("disclosure.record_published.v1", heard.RecordPublished, loads=_proof)
async def on_record_published(work: Work, event: Event, data: heard.RecordPublished) -> None:
    """The proof for one of our papers."""
    await publications.keep_proof(work, event, data)


@consumers.on("review.defects_reported.v1", heard.DefectsReported, loads=_case_and_check)
async def on_defects_reported(work: Work, event: Event, data: heard.DefectsReported) -> None:
    """A department's part of the one-time notice."""
    await gathering.collect_defects(work, event, data)


@consumers.on("review.opinion_given.v1", heard.OpinionGiven, loads=_case_and_review)
async def on_opinion_given(work: Work, event: Event, data: heard.OpinionGiven) -> None:
    """A department's signed opinion."""
    await gathering.collect_opinion(work, event, data)


@consumers.on("review.decision_made.v1", heard.ReviewDecisionMade, loads=_case)
async def on_decision_made(work: Work, event: Event, data: heard.ReviewDecisionMade) -> None:
    """The lead's signed decision."""
    await gathering.collect_decision(work, event, data)


@consumers.on("fee.charge_assessed.v1", heard.ChargeAssessed, loads=_case)
async def on_charge_assessed(work: Work, event: Event, data: heard.ChargeAssessed) -> None:
    """The bill."""
    await gathering.note_charge(work, event, data)


@consumers.on("fee.payment_received.v1", heard.PaymentReceived, loads=_case)
async def on_payment_received(work: Work, event: Event, data: heard.PaymentReceived) -> None:
    """The bill is paid."""
    await gathering.note_payment(work, event, data)


@consumers.on("fee.charge_cancelled.v1", heard.ChargeCancelled, loads=_case)
async def on_charge_cancelled(work: Work, event: Event, data: heard.ChargeCancelled) -> None:
    """The bill is off."""
    await gathering.note_cancelled_charge(work, event, data)


@consumers.on("supervision.card_issued.v1", heard.CardIssued, loads=_case)
async def on_card_issued(work: Work, event: Event, data: heard.CardIssued) -> None:
    """A yellow or red card on this case."""
    await publications.note_card(work, event, data)


@consumers.on("supervision.finding_issued.v1", heard.FindingIssued)
async def on_finding_issued(work: Work, event: Event, data: heard.FindingIssued) -> None:
    """A finding about a rule."""
    await publications.note_finding(work, event, data)
