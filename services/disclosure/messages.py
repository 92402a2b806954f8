"""What disclosure hears and says. Heard models hold only what disclosure needs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from libs.signatures import SignedDocument
from services.disclosure.domain.documents import Day, Document, Rule, ServiceItem, Tariff, YearCalendar
from services.disclosure.domain.leaves import RecordKind

PublicCode = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


class Heard(BaseModel):
    """Someone else's event."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class AboutApplication(Heard):
    """What every event about an application carries; codes only, so that no free text reaches the log."""

    application_no: PublicCode
    item_code: PublicCode
    item_version: int


class ApplicationReceived(AboutApplication):
    """intake.application_received: the voucher of receipt."""

    received_at: AwareDatetime
    voucher: SignedDocument


class ApplicationAccepted(AboutApplication):
    """intake.application_accepted: the voucher of acceptance; accepted_at is the legal start."""

    accepted_at: AwareDatetime
    voucher: SignedDocument


class ApplicationDeclined(AboutApplication):
    """intake.application_declined: the voucher of declining."""

    declined_at: AwareDatetime
    voucher: SignedDocument


class Reason(Heard):
    """A reason as far as the public may see it: the published condition that is not met."""

    condition: str | None = None


class DecisionMade(AboutApplication):
    """review.decision_made by the lead department, or intake.decision_made by unanimous consent."""

    decision: Literal["granted", "refused"]
    department: PublicCode | None = None
    reasons: list[Reason] = []
    decided_at: AwareDatetime
    decision_document: SignedDocument


class ChargeAssessed(Heard):
    """fee.charge_assessed: one bill."""

    bill_no: PublicCode
    tariff_code: PublicCode
    tariff_version: int
    total_fen: int
    assessed_at: AwareDatetime
    bill: SignedDocument


class CalendarPublished(YearCalendar):
    """disclosure.calendar_published"""

    in_force_from: Day
    published_at: datetime


class TariffPublished(Tariff):
    """disclosure.tariff_published"""

    in_force_from: Day
    published_at: datetime


class RulePublished(Rule):
    """disclosure.rule_published"""

    in_force_from: Day
    published_at: datetime


class ServiceItemPublished(ServiceItem):
    """disclosure.service_item_published"""

    in_force_from: Day
    published_at: datetime


class OfEvent(Document):
    """The event a leaf was written for."""

    source: str
    id: str
    type: str


class RecordPublished(Document):
    """disclosure.record_published: a leaf stands in the log, provably, under this commit's checkpoint."""

    leaf_index: int
    leaf_hash: str
    record_kind: RecordKind
    of_event: OfEvent
    document_sha256: str | None
    tree_size: int
    checkpoint: str
    proof: list[str]
