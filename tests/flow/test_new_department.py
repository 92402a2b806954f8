"""A department that nobody has heard of joins by one file, examines an application, and decides it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.launcher.houses import DEPARTMENTS
from deploy.launcher.story.acts import Story
from deploy.launcher.story.play import EDITOR, catalogue_files, play
from deploy.launcher.story.script import Application, in_hours
from libs.deadlines import Calendar, Calendars, is_working_day
from tests.center import WholeCenter, whole_center

ROOT = DEPARTMENTS.parents[1]
NEIGHBOUR = "fire"
CODE = "heritage"
FILE = f"""\
code: {CODE}
name: {{zh: 文物保护, en: Heritage}}
agency: {{zh: 市文物局, en: Municipal Heritage Bureau}}
hall_window: 31
"""
FACTS = {"floor_m2": "86.5", "opens_on": "2026-03-02"}
pytestmark = pytest.mark.timeout(300)


def _condition(code: str, zh: str, en: str) -> dict[str, Any]:
    return {
        "code": code,
        "text": {"zh": zh, "en": en},
        "basis": "文物保护法 · Cultural Relics Protection Law",
    }


def _step(department: str, role: str, conditions: list[str], after: list[str]) -> dict[str, Any]:
    return {"department": department, "role": role, "limit_wd": 3, "after": after, "when": None,
            "conditions": conditions}  # fmt: skip


def _item() -> dict[str, Any]:
    """A shipped item bent into one that the new department leads; no fee, so that no tariff is needed."""
    shipped = next(each for each in catalogue_files("items") if each["item_code"] == "road-occupation")
    del shipped["in_force_from"]
    used = {"type": "decimal", "choices": None, "minimum": "1", "maximum": "5000", "required": True}
    opened = {"type": "date", "choices": None, "minimum": None, "maximum": None, "required": True}
    return shipped | {
        "item_code": "old-house-use",
        "name": {"zh": "历史建筑开放利用审批", "en": "Opening a historic building"},
        "summary": {"zh": "在历史建筑内经营或者展览。", "en": "To trade or exhibit in a historic building."},
        "lead": CODE,
        "conditions": [
            _condition("fabric-kept", "不改动建筑的本体和布局", "The building's fabric and plan stay as they are"),
            _condition("fire-kept", "消防设施齐备", "Fire equipment is in place"),
        ],
        "materials": [
            {"code": "use-plan", "name": {"zh": "利用方案", "en": "Plan of use"}, "required": True,
             "required_when": None, "checked_by": CODE},
        ],
        "fields": [
            {"code": "floor_m2", "label": {"zh": "面积", "en": "Floor area"}, **used, "serves": ["fabric-kept"]},
            {"code": "opens_on", "label": {"zh": "开放日", "en": "Opens on"}, **opened, "serves": ["fire-kept"]},
        ],
        "limits": shipped["limits"] | {"promised_wd": 8},
        "plan": [
            _step(NEIGHBOUR, "review", ["fire-kept"], []),
            _step(CODE, "lead", ["fabric-kept"], [NEIGHBOUR]),
        ],
        "fee": None,
        "permit": {"name": {"zh": "历史建筑利用许可证", "en": "Historic building permit"},
                   "validity_days": 365, "valid_until_field": None},
    }  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shipped department, and the file of the new one."""
    made = tmp_path_factory.mktemp("departments")
    (made / f"{NEIGHBOUR}.yaml").write_bytes((DEPARTMENTS / f"{NEIGHBOUR}.yaml").read_bytes())
    (made / f"{CODE}.yaml").write_text(FILE, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def joined(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeCenter]:
    """A center of the four houses, the neighbour and the newcomer."""
    with whole_center(tmp_path_factory.mktemp("joined"), publish=False, departments_dir=folder) as center:
        yield center


@pytest.fixture(scope="module")
def told(joined: WholeCenter) -> tuple[Story, str]:
    """The item published, one application played to its end; the story and the case id."""
    disclosure, item = joined.site("disclosure"), _item()
    calendars = catalogue_files("calendars")
    for document in calendars:
        joined.act(EDITOR, f"{disclosure}/api/calendars", document)
    joined.act(EDITOR, f"{disclosure}/api/items", item)
    joined.settle()
    counted = Calendars(Calendar.from_published(each) for each in calendars)
    story = Story(joined.cast, {item["item_code"]: item}, lambda day: is_working_day(counted, day))
    arrives = in_hours(joined.now + timedelta(hours=1), story.working_day)
    plan = Application(1001, item["item_code"], "applicant-03", "online", arrives, 0.3, FACTS)
    joined.run(play(joined.center.clock, story, [plan]))
    joined.settle()
    assert story.notes == []
    return story, story.case_ids[1001]


def test_new_department_reviews_leads_and_decides(joined: WholeCenter, told: tuple[Story, str]) -> None:
    case = joined.read("applicant-03", f"{joined.site('intake')}/api/cases/{told[1]}")
    assert (case["state"], case["decision"]["decision"], case["decision"]["by"]) == (
        "delivered",
        "granted",
        CODE,
    )
    lanes = {lane["department"]: (lane["role"], lane["outcome"]) for lane in case["lanes"]}
    assert lanes == {NEIGHBOUR: ("review", "consent"), CODE: ("lead", "consent")}
    task = joined.read(f"{CODE}-head", f"{joined.site('review', CODE)}/api/tasks/{told[1]}")
    assert task["state"] == "decided"


def test_new_department_is_named_watched_and_audited(joined: WholeCenter, told: tuple[Story, str]) -> None:
    guide = joined.run(joined.cast.text(f"{joined.site('disclosure')}/items/old-house-use"))
    assert "文物保护" in guide
    clocks = joined.read("supervisor-01", f"{joined.site('supervision')}/api/cases/{told[1]}")["clocks"]
    assert CODE in {clock["agency"] for clock in clocks}
    report = joined.audit()
    assert report.clean, "\n".join(report.lines())


def test_new_department_cost_one_file_and_no_code(folder: Path) -> None:
    added = {path.name for path in folder.iterdir()} - {path.name for path in DEPARTMENTS.iterdir()}
    assert added == {f"{CODE}.yaml"}
    known = [
        path for path in folder.iterdir() if (DEPARTMENTS / path.name).exists()
        and path.read_bytes() != (DEPARTMENTS / path.name).read_bytes()
    ]  # fmt: skip
    assert known == [], "no other department's file was touched"
    knowing = [
        path for room in ("libs", "services", "contracts", "deploy", "k8s") for path in (ROOT / room).rglob("*")
        if path.suffix in (".py", ".yaml", ".html", ".po", ".json") and CODE in path.read_text(encoding="utf-8")
    ]  # fmt: skip
    assert knowing == [], "nothing shipped knows the newcomer by name"
