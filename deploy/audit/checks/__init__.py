"""The invariants that apply now, in the order of their numbers."""

from __future__ import annotations

from deploy.audit.checks import accounts, cases, delivery, disclosure, effects, promises
from deploy.audit.report import Check

CHECKS: dict[str, Check] = {
    "I1": delivery.no_loss,
    "I2": delivery.no_phantom,
    "I3": effects.applied_once,
    "I4": effects.honest_answers,
    "I5": effects.one_effect_per_client_key,
    "I6": cases.exactly_the_planned_opinions,
    "I7": cases.no_early_outcome,
    "I8": cases.legal_path,
    "I9": accounts.money,
    "I11": promises.clocks_and_cards,
    "I12": disclosure.public_log,
    "I13": delivery.nothing_stuck,
}
