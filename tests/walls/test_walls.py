"""Each wall stands, saw something, and stops a planted breach."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.walls import rules
from tests.walls.rules import Wall

ROOT = Path(__file__).resolve().parents[2]
LONG = '"""Long."""\n' + "x = 1\n" * 301
LONG_FUNCTION = '"""F."""\ndef f():\n' + "    x = 1\n" * 41
# Each wall, how many files it must have seen at the least, and a breach planted in a copy of the floor plan.
WALLS: list[tuple[Wall, int, str, str]] = [
    (rules.same_rooms, 5, "services/fee/domain.py", ""),
    (rules.no_neighbours, 150, "services/fee/handlers.py", "from services.intake import domain\n"),
    (rules.no_neighbours, 150, "libs/envelope.py", "import services.fee.domain\n"),
    (rules.watchers_apart, 30, "services/supervision/domain.py", "from libs.deadlines import due\n"),
    (rules.watchers_apart, 30, "deploy/audit/sums.py", "from services.fee.domain import assessment\n"),
    (rules.pure_domain, 40, "services/review/domain.py", "import sqlalchemy as sa\n"),
    (rules.handlers_only_stage, 15, "services/fee/handlers.py", "async def f(c):\n    await c.commit()\n"),
    (rules.sql_in_storage, 100, "services/fee/api.py", 'Q = "SELECT a FROM bills WHERE b"\n'),
    (rules.sizes, 200, "services/fee/api.py", LONG),
    (rules.sizes, 200, "libs/relay.py", LONG_FUNCTION),
    (rules.names_with_a_subject, 300, "libs/utils.py", '"""U."""\n'),
    (rules.docstrings, 200, "services/fee/timers.py", "x = 1\n"),
    (rules.docstrings, 200, "libs/money.py", '"""M."""\ndef half():\n    return 1\n'),
    (rules.nothing_of_this_machine, 300, "deploy/setup.sh", "cd /ho" + "me/someone\n"),
    (rules.no_sleep_in_tests, 80, "tests/test_x.py", "import time\ntime.sleep(1)\n"),
    (rules.tasks_with_a_number, 300, "libs/money.py", "# TO" + "DO: later\n"),
]


def name(wall: Wall) -> str:
    return wall.__name__


@pytest.mark.parametrize("wall", sorted({wall for wall, *_ in WALLS}, key=name), ids=name)
def test_the_wall_stands_and_saw_the_house(wall: Wall) -> None:
    least = next(least for each, least, *_ in WALLS if each is wall)
    found = wall(ROOT)
    assert found.breaches == []
    assert found.files >= least, f"{name(wall)} looked at {found.files} files only"


@pytest.mark.parametrize(
    ("wall", "least", "path", "text"), WALLS, ids=lambda value: getattr(value, "__name__", "")
)
def test_the_wall_stops_a_planted_breach(
    wall: Wall, least: int, path: str, text: str, tmp_path: Path
) -> None:
    for service in rules.SERVICES:
        for room in rules.ROOMS:
            planted = tmp_path / "services" / service / f"{room}.py"
            planted.parent.mkdir(parents=True, exist_ok=True)
            planted.write_text('"""A room."""\n')
        first = tmp_path / "services" / service / "migrations" / "versions" / "0001_first.py"
        first.parent.mkdir(parents=True)
        first.write_text('"""First."""\n')
    clean = wall(tmp_path)
    assert clean.breaches == []
    place = tmp_path / path
    place.parent.mkdir(parents=True, exist_ok=True)
    if text:
        place.write_text(text)
    else:
        place.unlink()
    assert wall(tmp_path).breaches, "the planted breach was not seen"
