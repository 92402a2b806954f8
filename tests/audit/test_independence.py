"""The watcher and the watched share no code: an error planted in one is found by the others."""

from __future__ import annotations

import ast
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import deploy.audit.evidence.days as audit_days
import libs.deadlines.counting as watched_counting
import services.fee.domain.assessment as watched_charges
from deploy.audit import judge
from deploy.audit.checks import accounts
from libs.flow import FLOW
from services.supervision.domain import workdays
from services.supervision.domain.rules import bills
from services.supervision.domain.workdays import Counted, counting_with
from tests.audit.center import CARDS, NOW, Recording, recorded
from tests.services.supervision.desk import Desk
from tests.services.supervision.test_watching import OPENED, expected_cards

ROOT = Path(__file__).resolve().parents[2]


def told_anew() -> Recording:
    """The story told once more, with whatever error is planted now."""
    return recorded.__wrapped__()


async def supervised(recording: Recording) -> Desk:
    """Supervision follows a recording."""
    desk = Desk(OPENED)
    for event in recording.order:
        if "supervision" in FLOW.rule(event.type).heard_by:
            await desk.pass_time(max(event.time, desk.now))
            await desk.hear(event)
    await desk.pass_time(NOW)
    return desk


async def test_an_error_in_the_deadlines_is_found_by_supervision_and_audit(monkeypatch: Any) -> None:
    right = watched_counting._due

    def one_day_late(*given: Any) -> Any:
        due = right(*given)
        return replace(due, due_on=due.due_on + timedelta(days=1))

    monkeypatch.setattr(watched_counting, "_due", one_day_late)
    recording = told_anew()
    desk = await supervised(recording)
    assert {rule for _, rule, _, _ in desk.findings()} == {"T-1"}
    assert desk.cards() == expected_cards()
    assert any("recounted" in breach for breach in judge(recording.snapshot(NOW), FLOW).breaches_of("I11"))


async def test_an_error_in_the_fee_evaluator_is_found_by_supervision_and_audit(monkeypatch: Any) -> None:
    right = watched_charges._line

    def one_fen_more(*given: Any) -> Any:
        line = right(*given)
        return line.model_copy(update={"amount_fen": line.amount_fen + 1})

    monkeypatch.setattr(watched_charges, "_line", one_fen_more)
    recording = told_anew()
    desk = await supervised(recording)
    assert [row[1:] for row in desk.findings()] == [("AL 59", "1775000 fen", "1775001 fen")]
    breaches = judge(recording.snapshot(NOW), FLOW).breaches_of("I9")
    assert any("1775001 fen billed, 1775000 by the published tariff" in breach for breach in breaches)


async def test_an_error_in_supervisions_counting_is_found_by_the_audit(monkeypatch: Any) -> None:
    right = workdays.WorkingDays._walk

    def counts_the_starting_day(days: Any, starts_on: Any, count: int, excluded: Any) -> Counted:
        return right(days, starts_on - timedelta(days=1), count, excluded)

    monkeypatch.setattr(workdays.WorkingDays, "_walk", counts_the_starting_day)
    counting_with.cache_clear()
    try:
        recording = told_anew()
        desk = await supervised(recording)
    finally:
        counting_with.cache_clear()
    assert "T-1" in {rule for _, rule, _, _ in desk.findings()}  # against everybody: the two do not agree
    assert desk.cards() != expected_cards()
    breaches = judge(recording.snapshot(NOW), FLOW).breaches_of("I11")
    assert any("supervision has" in breach for breach in breaches)


async def test_an_error_in_supervisions_charges_shows_against_fee_and_audit(monkeypatch: Any) -> None:
    right = bills.recompute

    def half_price(*given: Any) -> Any:
        charge = right(*given)
        return replace(charge, total_fen=charge.total_fen // 2)

    monkeypatch.setattr(bills, "recompute", half_price)
    desk = await supervised(recorded())
    assert [row[1:] for row in desk.findings()] == [("AL 59", "887500 fen", "1775000 fen")]
    assert judge(recorded().snapshot(NOW), FLOW).clean


def test_an_error_in_the_audits_own_arithmetic_shows(monkeypatch: Any) -> None:
    snapshot = recorded().snapshot(NOW)
    monkeypatch.setattr(accounts, "charge_fen", lambda tariff, inputs: 1)
    assert judge(snapshot, FLOW).breaches_of("I9")
    monkeypatch.setattr(audit_days.Counting, "last_day", lambda self, starts_on, limit: starts_on)
    assert len(judge(snapshot, FLOW).breaches_of("I11")) > len(CARDS)


def imports_of(folder: Path) -> dict[str, set[str]]:
    """What each file of a folder imports, by module name."""
    found: dict[str, set[str]] = {}
    for path in sorted(folder.rglob("*.py")):
        names: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
        found[str(path.relative_to(folder))] = names
    return found


def shared_with_the_watched(imports: dict[str, set[str]], allowed: tuple[str, ...]) -> list[str]:
    """Imports of our own packages that are not among the allowed ones."""
    ours = ("libs", "services", "deploy", "contracts")
    return [
        f"{path} imports {name}"
        for path, names in imports.items()
        for name in sorted(names)
        if name.split(".")[0] in ours and "." in name and not name.startswith(allowed)
    ]


def test_the_audit_shares_only_the_story_and_the_signatures() -> None:
    imports = imports_of(ROOT / "deploy" / "audit")
    assert len(imports) > 10
    assert shared_with_the_watched(imports, ("deploy.audit", "libs.flow", "libs.signatures")) == []


@pytest.mark.parametrize("forbidden", ["libs.deadlines", "libs.money", "libs.conditions", "services.fee"])
def test_supervision_shares_no_counting_with_the_watched(forbidden: str) -> None:
    imports = imports_of(ROOT / "services" / "supervision")
    assert len(imports) > 15
    assert not [path for path, names in imports.items() if any(name.startswith(forbidden) for name in names)]


def test_a_planted_import_is_caught(tmp_path: Path) -> None:
    (tmp_path / "checks.py").write_text("from libs.deadlines import due\nimport services.fee.domain\n")
    assert len(shared_with_the_watched(imports_of(tmp_path), ("deploy.audit",))) == 3
