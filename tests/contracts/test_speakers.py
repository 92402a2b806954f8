"""Every speaker says only what the story lets it say, and says all of it; no event is named that is not told."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from libs.flow import CONTRACTS, FLOW
from libs.speaker import SaidWrongly, Speaker
from tests.contracts.said import EVENT, SaidBy, Unclear

ROOT = CONTRACTS.parent
SPEAKERS = set(FLOW.services)


@pytest.mark.parametrize("service", sorted(SPEAKERS))
def test_code_says_exactly_what_the_story_lets_it_say(service: str) -> None:
    assert set(SaidBy(ROOT / "services", service).events()) == set(FLOW.says(service))


NAMED_ELSEWHERE = """
GIVEN = "review.opinion_given.v1"
def a(work):
    work.say(GIVEN, 1, 2)
"""
HANDED_ON = """
def tell(work, name):
    work.say(name, 1, 2)
def b(work):
    tell(work, "fee.a_b.v1")
"""
IN_A_TABLE = """
T = {"x": ("fee.a_b.v1", "no")}
def c(work, kind):
    name, _ = T[kind]
    work.say(name, 1, 2)
"""
THROUGH_A_METHOD = """
class D:
    def d(self, name):
        self.work.say(name, 1, 2)
    def e(self):
        self.d("fee.a_b.v1")
"""


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ('work.say("fee.bill_forged.v1", case, data)', {"fee.bill_forged.v1"}),
        (NAMED_ELSEWHERE, {"review.opinion_given.v1"}),
        (HANDED_ON, {"fee.a_b.v1"}),
        (IN_A_TABLE, {"fee.a_b.v1"}),
        (THROUGH_A_METHOD, {"fee.a_b.v1"}),
        ("page.say(title)", set()),
    ],
)
def test_planted_saying_is_found(source: str, said: set[str], tmp_path: Path) -> None:
    (tmp_path / "fee").mkdir()
    (tmp_path / "fee" / "handlers.py").write_text(source)
    assert set(SaidBy(tmp_path, "fee").events()) == said


def test_computed_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "fee").mkdir()
    (tmp_path / "fee" / "handlers.py").write_text('def a(work, kind):\n    work.say(f"fee.{kind}.v1", 1, 2)')
    with pytest.raises(Unclear):
        SaidBy(tmp_path, "fee").events()


def unknown_events(root: Path, folders: tuple[str, ...]) -> list[str]:
    """Event names in code that the story does not tell."""
    wrong = []
    for folder in folders:
        for path in sorted((root / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.Constant)
                    and isinstance(node.value, str)
                    and EVENT.fullmatch(node.value)
                ):
                    known = node.value in FLOW.rules or node.value.split(".")[0] not in SPEAKERS
                    wrong += [] if known else [f"{path}:{node.lineno}: {node.value}"]
    return wrong


def test_no_code_names_an_event_that_is_not_told() -> None:
    assert unknown_events(ROOT, ("libs", "services", "deploy")) == []


def test_planted_unknown_event_is_found(tmp_path: Path) -> None:
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "a.py").write_text('X = "fee.bill_forged.v1"\nY = "fee.charge_assessed.v1"\n')
    assert [each.rsplit(" ", 1)[1] for each in unknown_events(tmp_path, ("services",))] == [
        "fee.bill_forged.v1"
    ]


def test_speaker_refuses_at_run_time_too() -> None:
    fire = Speaker(FLOW, "review", "fire")
    with pytest.raises(SaidWrongly, match="does not say"):
        fire.check("fee.charge_assessed.v1", {}, None)
    with pytest.raises(SaidWrongly, match="department"):
        Speaker(FLOW, "intake", None).check("intake.review_requested.v1", {}, None)
