"""Publishing over HTTP: law first, one version after another, everything in the log at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from services.disclosure.timers import show_figures
from tests.services.disclosure.house import START, DisclosureHouse, shipped

TARIFF = "road-occupation-chengdu-hitech"


async def test_publication_stands_in_the_log_with_its_event(house: DisclosureHouse) -> None:
    told = await house.publish("items", shipped("items", "tree-felling"))
    assert (told["kind"], told["code"], told["version"], told["leaf_index"]) == (
        "service_item", "tree-felling", 1, 0,
    )  # fmt: skip
    [published] = await house.said("disclosure.service_item_published.v1")
    assert published["subject"] == "item/tree-felling"
    [leaf] = await house.leaves()
    assert leaf["publication"] == published["data"]
    [recorded] = await house.said()
    assert recorded["data"]["of_event"] == {
        "source": "disclosure", "id": published["id"], "type": "disclosure.service_item_published.v1",
    }  # fmt: skip
    assert recorded["causationid"] == published["id"]


@pytest.mark.parametrize(
    ("kind", "folder", "name", "event"),
    [
        ("tariffs", "tariffs", TARIFF, "disclosure.tariff_published.v1"),
        ("calendars", "calendars", "2026", "disclosure.calendar_published.v1"),
        ("rules", "rules", "window-conduct", "disclosure.rule_published.v1"),
    ],
)
async def test_every_kind_is_published_whole(
    house: DisclosureHouse, kind: str, folder: str, name: str, event: str
) -> None:
    await house.publish(kind, shipped(folder, name))
    [published] = await house.said(event)
    assert {"published_at", "in_force_from", "source"} <= set(published["data"])
    [listed] = (await house.get(f"/api/{kind}"))[kind]
    assert listed == published["data"]


async def test_a_breach_is_refused_with_every_code_and_nothing_changes(house: DisclosureHouse) -> None:
    bad = shipped("items", "tree-felling")
    bad["limits"].update(notice_wd=6, delivery_wd=12)
    answer = await house.post("items", bad)
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["code"] == "catalogue_breach"
    assert {breach["code"] for breach in problem["breaches"]} == {"notice_over_cap", "delivery_over_cap"}
    assert all(breach["path"] and breach["law"] and breach["what"] for breach in problem["breaches"])
    assert await house.leaves() == []
    assert await house.rows("SELECT 1 FROM outbox") == []


async def test_an_item_needs_its_tariff_published_first(house: DisclosureHouse) -> None:
    answer = await house.post("items", shipped("items", "road-occupation"))
    assert [breach["code"] for breach in answer.json()["breaches"]] == ["fee_tariff_unpublished"]
    await house.publish("tariffs", shipped("tariffs", TARIFF))
    await house.publish("items", shipped("items", "road-occupation"))


async def test_the_whole_shipped_catalogue_is_accepted(house: DisclosureHouse) -> None:
    from tests.catalogue.conftest import shipped as all_of

    for kind in ("calendars", "tariffs", "rules", "items"):
        for document in all_of(kind):
            await house.publish(kind, document)
    counted = await house.get("/api/items", limit=100)
    assert counted["total"] == 12


async def test_only_a_catalogue_editor_publishes(house: DisclosureHouse) -> None:
    item = shipped("items", "tree-felling")
    assert (await house.post("items", item, person=None)).status_code == 401
    assert (await house.post("items", item, person="applicant-01")).status_code == 403
    assert await house.leaves() == []


async def test_the_same_command_publishes_once(house: DisclosureHouse) -> None:
    item = shipped("items", "tree-felling")
    first = await house.post("items", item, key="editor-key-1")
    again = await house.post("items", item, key="editor-key-1")
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert len(await house.leaves()) == 1
    other = await house.post("items", {**item, "version": 2}, key="editor-key-1")
    assert (other.status_code, other.json()["code"]) == (422, "client_key_reused")


@pytest.mark.parametrize(
    "bend",
    [
        lambda item: item.pop("limits"),
        lambda item: item.update(surprise=1),
        lambda item: item["limits"].update(notice_wd="3"),
        lambda item: item.update(version=True),
        lambda item: item.update(item_code="../etc"),
    ],
    ids=["missing", "unknown", "text_for_number", "boolean_for_number", "bad_code"],
)
async def test_a_document_of_the_wrong_shape_is_refused(house: DisclosureHouse, bend: Any) -> None:
    item = shipped("items", "tree-felling")
    bend(item)
    answer = await house.post("items", item)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert await house.leaves() == []


async def test_versions_follow_one_another_and_each_day_has_its_own(catalogue: DisclosureHouse) -> None:
    item = shipped("items", "tree-felling")
    later = (START + timedelta(days=30)).date()
    item.update(version=2, in_force_from=later, name={"zh": "砍树", "en": "Felling"})
    skipped = await catalogue.post("items", {**item, "version": 3})
    assert [breach["code"] for breach in skipped.json()["breaches"]] == ["version_not_next"]
    await catalogue.publish("items", item)
    path = "/api/items/tree-felling"
    assert (await catalogue.get(path))["version"] == 1
    assert (await catalogue.get(path, on=later.isoformat()))["version"] == 2
    assert (await catalogue.get(path, version=1))["version"] == 1
    assert [each["version"] for each in (await catalogue.get(path))["versions"]] == [2, 1]
    catalogue.clock.at = datetime.combine(later, START.timetz())
    assert (await catalogue.get(path))["name"]["en"] == "Felling"


async def test_a_document_without_a_day_comes_into_force_today(house: DisclosureHouse) -> None:
    item = shipped("items", "tree-felling")
    del item["in_force_from"]
    assert (await house.publish("items", item))["in_force_from"] == "2026-01-05"


async def test_a_missing_item_is_not_found(house: DisclosureHouse) -> None:
    for path in ("/api/items/no-such", "/api/tariffs/no-such", "/api/items/tree-felling?version=9"):
        answer = await house.client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("树木", 1),
        ("felling", 1),
        ("FELLING trees", 1),
        ("古树 city", 0),
        ("100%", 0),
        ("a_b", 0),
        ("", 1),
        ("占道", 1),
    ],
)
async def test_items_are_found_in_both_languages(catalogue: DisclosureHouse, q: str, found: int) -> None:
    assert (await catalogue.get("/api/items", q=q))["total"] == found


async def test_items_are_found_by_life_event(catalogue: DisclosureHouse) -> None:
    assert (await catalogue.get("/api/items", life_event="building"))["total"] == 1
    assert (await catalogue.get("/api/items", life_event="hold-event"))["total"] == 0


@pytest.mark.parametrize("params", ["limit=101", "page=0", "page=x", f"q={'x' * 300}"])
async def test_a_list_asked_wrongly_is_refused(house: DisclosureHouse, params: str) -> None:
    answer = await house.client.get(f"/api/items?{params}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_the_figures_for_prometheus_are_those_of_the_log(catalogue: DisclosureHouse) -> None:
    async with catalogue.app.state.engine.connect() as reader:
        await show_figures(reader)
    figures = (await catalogue.client.get("/metrics")).text
    assert 'permit_log_leaves{kind="service_item"} 1.0' in figures
    assert "permit_log_signed_leaves 1.0" in figures
    assert "permit_log_unsigned_leaves 0.0" in figures
