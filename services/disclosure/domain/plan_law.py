"""Knows the law that a review plan must satisfy: known departments, no cycle, within the promise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from services.disclosure.domain.breaches import Breach
from services.disclosure.domain.documents import ServiceItem


def plan_breaches(item: ServiceItem, departments: frozenset[str]) -> Iterator[Breach]:
    """Every breach of the plan; ``departments`` are those the center knows."""
    if not item.plan:
        yield Breach("plan_empty", "plan", "nobody reviews")
        return
    yield from _departments(item, departments)
    yield from _lead(item)
    yield from _mode(item)
    yield from _conditions(item)
    yield from _order(item)


def _departments(item: ServiceItem, departments: frozenset[str]) -> Iterator[Breach]:
    counted = Counter(step.department for step in item.plan)
    for code in (code for code, times in counted.items() if times > 1):
        yield Breach("plan_department_repeated", "plan", code)
    for at, step in enumerate(item.plan):
        if step.department not in departments:
            yield Breach("plan_department_unknown", f"plan.{at}.department", step.department)
        for code in step.after:
            if code not in counted or code == step.department:
                yield Breach("plan_after_unknown", f"plan.{at}.after", code)


def _lead(item: ServiceItem) -> Iterator[Breach]:
    leads = [step for step in item.plan if step.role == "lead"]
    if len(leads) != 1 or leads[0].department != item.lead:
        yield Breach("plan_lead", "plan", f"{item.lead} is to be the one lead of the plan")
    elif leads[0].when is not None:
        yield Breach("plan_lead", "plan", "the lead department always takes part")


def _mode(item: ServiceItem) -> Iterator[Breach]:
    if (item.mode == "single") != (len(item.plan) == 1):
        yield Breach("mode_mismatch", "mode", f"{item.mode} handling with {len(item.plan)} departments")


def _conditions(item: ServiceItem) -> Iterator[Breach]:
    known = {condition.code for condition in item.conditions}
    examined: set[str] = set()
    for at, step in enumerate(item.plan):
        if not step.conditions:
            yield Breach("plan_step_examines_nothing", f"plan.{at}.conditions", step.department)
        for code in step.conditions:
            if code not in known:
                yield Breach("plan_condition_unknown", f"plan.{at}.conditions", code)
        examined.update(step.conditions)
    for code in sorted(known - examined):
        yield Breach("condition_unexamined", "plan", code)


def _order(item: ServiceItem) -> Iterator[Breach]:
    steps = {step.department: step for step in item.plan}
    graph = {code: [before for before in step.after if before in steps] for code, step in steps.items()}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as cycle:
        yield Breach("plan_cycle", "plan", " → ".join(cycle.args[1]))
        return
    ends: dict[str, int] = {}
    for code in order:
        ends[code] = steps[code].limit_wd + max((ends[before] for before in graph[code]), default=0)
    longest = max(ends.values())
    if longest > item.limits.promised_wd:
        yield Breach(
            "plan_over_promise",
            "plan",
            f"{longest} working days of reviews, {item.limits.promised_wd} promised",
        )
