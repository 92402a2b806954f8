"""What supervision may fault in a case: each rule compares what was said with its own recomputation."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from services.supervision.domain.rules import acceptance, bills, outcome, promises
from services.supervision.domain.rules.view import Fault, View, Wait

Rule = Callable[[View], Iterator[Fault | Wait]]
RULES: tuple[Rule, ...] = (
    promises.said_clocks_agree,
    acceptance.notified_once,
    acceptance.silence_accepts,
    acceptance.plan_is_the_published_one,
    acceptance.right_agency_is_named,
    outcome.opinions_come_first,
    outcome.decided_by_the_right_one,
    outcome.permit_follows_grant,
    outcome.refusal_tells_why,
    bills.bill_agrees,
    bills.one_bill,
    bills.paid_what_was_billed,
    bills.permit_waits_for_payment,
)


def faults_of(view: View) -> tuple[list[Fault], list[Wait]]:
    """Everything that is wrong, and what cannot be judged before something else is heard."""
    said = [each for rule in RULES for each in rule(view)]
    faults = [each for each in said if isinstance(each, Fault)]
    return faults, [each for each in said if isinstance(each, Wait)]
