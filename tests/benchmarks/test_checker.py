"""The checker believes no run that lost, doubled or misjudged anything: each breach is planted and found."""

from __future__ import annotations

import random

import pytest

from tests.benchmarks.checker import Outcome, breaches
from tests.benchmarks.options import Figures, Result
from tests.benchmarks.report import lines

DEPARTMENTS = ["d01", "d02", "d03", "d04"]
CASES = [f"{i:032x}" for i in range(40)]


def right(seed: int = 7) -> Outcome:
    """What a right run leaves: some cases are refused because one department objected."""
    dice = random.Random(seed)
    said = {
        (case, each): "object" if dice.random() < 0.1 else "consent" for case in CASES for each in DEPARTMENTS
    }
    outcomes = {
        case: "granted" if all(said[case, each] == "consent" for each in DEPARTMENTS) else "refused"
        for case in CASES
    }
    assert {"granted", "refused"} == set(outcomes.values())
    decisions = {each: [(case, said[case, each]) for case in CASES] for each in DEPARTMENTS}
    return Outcome(
        [(case, list(DEPARTMENTS), outcomes[case]) for case in CASES], decisions, {"rows set aside": 0}
    )


def test_a_right_run_has_no_breach() -> None:
    assert breaches(CASES, DEPARTMENTS, right()) == []


def lost_case(run: Outcome) -> None:
    run.decided.pop(3)  # type: ignore[attr-defined]


def case_decided_twice(run: Outcome) -> None:
    run.decided.append(run.decided[3])  # type: ignore[attr-defined]


def lost_decision(run: Outcome) -> None:
    run.decisions["d02"].pop(5)  # type: ignore[attr-defined]


def decision_applied_twice(run: Outcome) -> None:
    run.decisions["d02"].append(run.decisions["d02"][5])  # type: ignore[attr-defined]


def decided_early(run: Outcome) -> None:
    run.decided[8][1].pop()  # type: ignore[attr-defined]


def department_counted_twice(run: Outcome) -> None:
    run.decided[8][1][0] = "d04"  # type: ignore[index]


def phantom(run: Outcome) -> None:
    run.decided.append(("f" * 32, list(DEPARTMENTS), "granted"))  # type: ignore[attr-defined]


def misjudged(run: Outcome) -> None:
    case, by, said = run.decided[8]
    run.decided[8] = (case, by, "refused" if said == "granted" else "granted")  # type: ignore[index]


def left_over(run: Outcome) -> None:
    run.left["rows set aside"] = 1  # type: ignore[index]


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        (lost_case, "1 cases never decided by the window: 00"),
        (case_decided_twice, "1 cases decided by the window more than once"),
        (lost_decision, "1 cases never decided by d02"),
        (decision_applied_twice, "1 cases decided by d02 more than once"),
        (decided_early, "1 cases not decided by exactly its departments"),
        (department_counted_twice, "1 cases not decided by exactly its departments"),
        (phantom, "1 cases decided by the window though never submitted"),
        (misjudged, "1 cases with an outcome its departments did not give"),
        (left_over, "1 rows set aside"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_planted_breach_is_found(plant, said: str) -> None:  # type: ignore[no-untyped-def]
    run = right()
    plant(run)
    found = breaches(CASES, DEPARTMENTS, run)
    assert any(each.startswith(said) for each in found), found


def test_the_last_lines_compare_with_celery_at_the_same_or_the_nearest_size() -> None:
    celery = Result("celery", [Figures(4, 50.0, 26.0), Figures(16, 10.0, 80.0)])
    ours = [
        Result("standard", [Figures(4, 2000.0, 0.65), Figures(16, 500.0, 2.0)]),
        Result("full_chain", [Figures(2, 500.0, 1.3)]),
    ]
    assert lines(ours, [celery]) == [
        "bench standard n=4 cases_s=2000.0 cpu_ms=0.650 celery_rate_ratio=40.0 celery_cpu_ratio=40.0",
        "bench standard n=16 cases_s=500.0 cpu_ms=2.000 celery_rate_ratio=50.0 celery_cpu_ratio=40.0",
        "bench full_chain n=2 cases_s=500.0 cpu_ms=1.300 celery_rate_ratio=10.0 celery_cpu_ratio=20.0",
    ]
    assert lines(ours[1:], [])[0].endswith("celery_rate_ratio=nan celery_cpu_ratio=nan")
