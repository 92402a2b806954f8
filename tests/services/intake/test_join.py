"""The join of many departments: its cost grows with their number, not with its square; and replicas share it."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.servers.databases import Database
from libs.records import Records
from services.intake.handlers.applying import file_application
from services.intake.messages.asked import ApplicationAsked
from services.intake.storage import REVIEWS
from services.intake.storage.due import STANDING
from tests.services.intake.builders import document
from tests.services.intake.house import APPLICANT, OFFICES, IntakeHouse, heard, intake_house, opinion

PLANS: dict[str, Callable[[int, int], list[str]]] = {
    "side by side": lambda number, size: [],
    "one after the other": lambda number, size: [OFFICES[number - 1]] if number else [],
    "the last waits for all": lambda number, size: list(OFFICES[:number]) if number == size - 1 else [],
}


async def publish(house: IntakeHouse, code: str, size: int, after: Callable[[int, int], list[str]]) -> None:
    """An item decided by the unanimous consent of so many departments, without a fee."""
    shipped = document("road-occupation")
    plan = [
        {**shipped["plan"][0], "department": office, "role": "review", "after": after(number, size)}
        for number, office in enumerate(OFFICES[:size])
    ]
    plan[0]["role"] = "lead"
    content = {
        **shipped, "item_code": code, "plan": plan, "lead": OFFICES[0], "decision": "unanimous", "fee": None,
        "fields": [], "materials": [],
        "permit": {**shipped["permit"], "validity_days": 30, "valid_until_field": None},
    }  # fmt: skip
    content["in_force_from"] = str(content["in_force_from"])
    await house.hear(heard("disclosure", "disclosure.service_item_published.v1", f"item/{code}", content))


async def accepted(house: IntakeHouse, code: str) -> str:
    """A case of this item, accepted."""
    asked = ApplicationAsked.model_validate({"item_code": code, "applicant": {"kind": "legal"}, "facts": {}})
    filed = await house.do(lambda work: file_application(work, APPLICANT, asked))
    await house.accept(str(filed["case_id"]))
    return str(filed["case_id"])


class Counting:
    """Counts the reviews read from the database, and how often it is asked who is missing."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, house: IntakeHouse) -> None:
        self.counted: Counter[str] = Counter()
        read = Records.read

        def counted(records: Records[Any], body: Any) -> Any:
            self.counted["reviews"] += records is REVIEWS
            return read(records, body)

        monkeypatch.setattr(Records, "read", counted)


@pytest.mark.parametrize("remembers", [0, REVIEWS.remembers], ids=["a fresh process", "a process that was there"])
@pytest.mark.parametrize("plan", PLANS)
async def test_what_is_loaded_for_a_case_grows_with_its_departments_and_not_with_their_square(
    house: IntakeHouse, monkeypatch: pytest.MonkeyPatch, plan: str, remembers: int
) -> None:
    loaded = {}
    monkeypatch.setattr(REVIEWS, "remembers", remembers)
    for size in (4, 16, 64):
        code = f"join-{list(PLANS).index(plan)}-{size}-{remembers}"
        await publish(house, code, size, PLANS[plan])
        case_id = await accepted(house, code)
        case = await house.case(case_id)
        with monkeypatch.context() as patched:
            counting = Counting(patched, house)
            for office in OFFICES[:size]:
                assert (await house.case(case_id)).state == "accepted"
                await house.hear(opinion(case, office))  # each in a commit of its own
        assert (await house.case(case_id)).state == "issued"
        assert await house.waiting(case_id) == (0, [])
        loaded[size] = counting.counted["reviews"]
    # its own review with each opinion, all once at the end, and for each release the review and those before it
    least, most = (1, 2) if remembers else (2, 4)  # what was read with an opinion is not read again at the end
    assert all(least * size - 1 <= number <= most * size for size, number in loaded.items()), loaded


async def test_several_replicas_that_share_the_opinions_of_a_case_decide_it_once(
    intake_database: Database, house: IntakeHouse, tmp_path: Path
) -> None:
    await publish(house, "join-shared", 16, PLANS["the last waits for all"])
    cases = [await house.case(await accepted(house, "join-shared")) for _ in range(6)]
    async with intake_house(intake_database.app, tmp_path) as other:
        houses = itertools.cycle((house, other))
        for last in (False, True):
            offices = OFFICES[15:16] if last else OFFICES[:15]
            await asyncio.gather(
                *(next(houses).hear(opinion(case, office)) for office in offices for case in cases)
            )
    for case in cases:
        ended = await house.case(case.case_id)
        said = Counter(name.split(".")[0] for name in await house.names(case.case_id))
        assert (ended.state, said["review_released"], said["decision_made"], said["permit_issued"]) == (
            "issued", 1, 1, 1,
        )  # fmt: skip
        assert await house.waiting(case.case_id) == (0, [])


async def test_who_is_missing_is_answered_from_an_index(house: IntakeHouse) -> None:
    async with house.engine.connect() as connection:
        await connection.exec_driver_sql("SET enable_seqscan = off")
        sql = str(STANDING).replace(":cases", "'{a}'").replace(":given", "'{b}'")
        plan = [row[0] for row in await connection.exec_driver_sql(f"EXPLAIN {sql}")]
    used = " ".join(plan)
    assert "reviews_open" in used
    assert "reviews_waiting" in used
