"""The deeds of disclosure: publish a document, record an act in the public log, sign the log's new head."""

from services.disclosure.handlers.log import append_leaf, settle_log
from services.disclosure.handlers.publication import (
    CatalogueBreach,
    publish_calendar,
    publish_item,
    publish_rule,
    publish_tariff,
)
from services.disclosure.handlers.record import record_bill, record_decision, record_voucher

__all__ = [
    "CatalogueBreach",
    "append_leaf",
    "publish_calendar",
    "publish_item",
    "publish_rule",
    "publish_tariff",
    "record_bill",
    "record_decision",
    "record_voucher",
    "settle_log",
]
