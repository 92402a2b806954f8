"""Proves what everybody reads on disclosure's pages, and that a browser finds nothing wrong with them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.browser.kit.looking import complaints, open_browser
from tests.services.disclosure.house import CANARIES, DisclosureHouse, assessed, decided, received, shipped

CHARGED = "/items/road-occupation?zone=2&use=other&area_m2=120&days=45&calculate=1"


async def page(house: DisclosureHouse, path: str, language: str = "en", status: int = 200) -> str:
    """A page's text."""
    joint = "&" if "?" in path else "?"
    told = await house.client.get(f"{path}{joint}lang={language}", headers={"accept": "text/html"})
    assert told.status_code == status, told.text
    text: str = told.text
    return text


@pytest.fixture
async def town(catalogue: DisclosureHouse) -> DisclosureHouse:
    """A catalogue of three items, and one of each kind of act in the log."""
    await catalogue.publish("calendars", shipped("calendars", "2026"))
    await catalogue.publish("tariffs", shipped("tariffs", "road-occupation-chengdu-hitech"))
    await catalogue.publish("rules", shipped("rules", "open-records"))
    await catalogue.publish("items", shipped("items", "road-occupation"))
    await catalogue.publish("items", shipped("items", "restaurant-opening"))
    await catalogue.hear(received(), decided("granted"), decided("refused"), assessed())
    return catalogue


async def test_portal_before_the_first_publication_says_so(house: DisclosureHouse) -> None:
    assert "No service is published yet" in await page(house, "/")
    assert "还没有公布任何事项" in await page(house, "/", "zh")


async def test_portal_finds_by_words_of_both_languages_and_admits_when_it_does_not(
    town: DisclosureHouse,
) -> None:
    assert "Opening a restaurant" in await page(town, "/?q=restaurant")
    assert "开办餐饮店" in await page(town, "/?q=餐饮", "zh")
    nothing = await page(town, "/?q=<b>spaceship")
    assert "Nothing fitting was found" in nothing
    assert "<b>spaceship" not in nothing


async def test_portal_draws_what_is_called_as_asked_before_what_holds_it_too(town: DisclosureHouse) -> None:
    found = await page(town, "/?q=临时占用", "zh")
    result = found[found.index('id="result"') :]
    assert 0 < result.index("<h2>临时占用城市道路审批</h2>") < result.index("/items/tree-felling")


async def test_guide_answers_first_and_says_when_a_department_comes_in(town: DisclosureHouse) -> None:
    text = await page(town, "/items/restaurant-opening")
    for said in ("2–5", "Floor area (m²) more than 50", "Produces cooking fumes", "30 + 15", "60 days"):
        assert said in text
    assert "Nothing is here" not in text


async def test_guide_of_a_missing_item_is_a_problem_page(town: DisclosureHouse) -> None:
    text = await page(town, "/items/moon-landing", status=404)
    assert "not_found" in text
    assert "Traceback" not in text


async def test_guide_keeps_old_versions_readable_and_says_so(town: DisclosureHouse) -> None:
    later = shipped("items", "road-occupation") | {"version": 2, "in_force_from": "2026-02-01"}
    await town.publish("items", later)
    assert "Version 1 (this page)" in await page(town, "/items/road-occupation")
    town.clock.at += timedelta(days=40)
    assert "Version 2 (this page)" in await page(town, "/items/road-occupation")
    assert "not the one in force" in await page(town, "/items/road-occupation?version=1")
    assert "Version 1 (this page)" in await page(town, "/items/road-occupation?on=2026-01-20")


async def test_guide_works_out_the_charge_without_a_script(town: DisclosureHouse) -> None:
    assert "¥10,800.00" in await page(town, CHARGED)
    wrong = await page(town, CHARGED.replace("120", "many"))
    assert "Enter a number" in wrong
    assert 'value="many"' in wrong, "what was typed stays"


async def test_record_page_checks_its_own_proof_and_names_no_one(town: DisclosureHouse) -> None:
    total = (await town.get("/api/records"))["total"]
    for index in range(total):
        text = await page(town, f"/records/{index}")
        assert "Checked and sound" in text
        assert "Does not hold" not in text
        assert not any(canary in text for canary in CANARIES)


async def test_record_page_says_so_when_a_stored_leaf_was_changed(
    town: DisclosureHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.disclosure import storage

    honest = storage.record

    async def forged(reader: Any, index: int) -> Any:
        row = await honest(reader, index)
        return row and {**row, "leaf": row["leaf"].replace("120", "121") + " "}

    monkeypatch.setattr(storage, "record", forged)
    assert "The check failed" in await page(town, "/records/1")


async def test_refusal_in_the_record_has_no_number_but_its_unmet_conditions(town: DisclosureHouse) -> None:
    found = await town.get("/api/records", kind="decision", q="refused")
    text = await page(town, f"/records/{found['records'][0]['index']}")
    assert "AL-2026-" not in text
    assert "Conditions not met" in text
    assert "Commitment to the document" in text


async def test_records_list_searches_pages_and_is_honest_when_empty(town: DisclosureHouse) -> None:
    assert "1 entry found" in await page(town, "/records?kind=bill")
    assert "No such record was found" in await page(town, "/records?q=nothingatall")
    assert "invalid_request" in await page(town, "/records?page=0", status=422)


@pytest.mark.timeout(900)
async def test_pages_of_disclosure_are_accessible_in_both_languages(town: DisclosureHouse) -> None:
    paths = {"portal": "/", "found": "/?q=餐饮", "guide": CHARGED, "records": "/records", "record": "/records/6",
             "rules": "/rules", "verify": "/verify", "missing": "/items/x"}  # fmt: skip
    async with open_browser() as browser:
        found = [
            each
            for name, path in paths.items()
            for each in await complaints(browser, town.client, path, name=f"disclosure-{name}")
        ]
    assert [each for each in found if "404 (Not Found)" not in each] == []
