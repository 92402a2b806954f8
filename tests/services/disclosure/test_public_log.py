"""The public log on a real database: one leaf per act, one checkpoint per commit, nothing ever changed."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import asyncpg
import pytest

from libs.envelope import instant
from libs.signatures import document_sha256
from services.disclosure.domain import merkle
from services.disclosure.domain.leaves import commitment
from services.disclosure.domain.notes import open_note
from tests.conftest import NewDatabase
from tests.services.disclosure.house import (
    CANARIES,
    SIGNERS,
    START,
    DisclosureHouse,
    about,
    assessed,
    changed,
    decided,
    disclosure_house,
    event,
    received,
    shipped,
)

TABLES = ("publications", "leaves", "leaf_salts", "log_nodes", "checkpoints")


async def require_whole(house: DisclosureHouse) -> int:
    """The log is whole: every checkpoint is a signed beginning of it, every leaf is said with its proof."""
    texts = [row[0] for row in await house.rows("SELECT leaf FROM leaves ORDER BY leaf_index")]
    hashes = [merkle.leaf_hash(text.encode()) for text in texts]
    frontier, roots = merkle.Frontier(), [merkle.EMPTY_ROOT]
    for each in hashes:
        frontier, _ = frontier.append(each)
        roots.append(frontier.root)
    key = house.app.state.settings.log_key.public_key()
    for size, root, note in await house.rows("SELECT tree_size, root, note FROM checkpoints ORDER BY 1"):
        opened = open_note(note, key)
        assert (opened.size, opened.root) == (size, roots[size])
        assert root == roots[size].hex()
    for told in await house.said():
        data = told["data"]
        opened = open_note(data["checkpoint"], key)
        assert opened.size == data["tree_size"]
        path = [bytes.fromhex(each) for each in data["proof"]]
        leaf = hashes[data["leaf_index"]]
        assert merkle.includes(leaf, data["leaf_index"], data["tree_size"], path, opened.root)
    assert sorted(told["data"]["leaf_index"] for told in await house.said()) == list(range(len(texts)))
    return len(texts)


async def test_every_act_becomes_one_leaf_with_a_proof(catalogue: DisclosureHouse) -> None:
    heard = [received(), decided("granted"), decided("refused"), assessed()]
    for each in heard:
        await catalogue.hear(each)
    assert await require_whole(catalogue) == 5
    of = {told["data"]["of_event"]["id"]: told for told in await catalogue.said()}
    for each in heard:
        assert of[each.id]["subject"] == each.subject, "the case's own services find it"
        assert of[each.id]["causationid"] == each.id
    kinds = [leaf["record_kind"] for leaf in await catalogue.leaves()]
    assert kinds == ["service_item", "voucher", "decision", "decision", "bill"]


@pytest.mark.parametrize(("name", "field"), [("accepted", "accepted_at"), ("declined", "declined_at")])
async def test_vouchers_of_acceptance_and_declining_are_published(
    catalogue: DisclosureHouse, name: str, field: str
) -> None:
    data = {**about(), field: instant(START)}
    paper = SIGNERS["intake"].sign("voucher", {"application_no": data["application_no"], "act": name})
    await catalogue.hear(
        event("intake", f"intake.application_{name}.v1", {**data, "voucher": paper.model_dump()})
    )
    leaf = (await catalogue.leaves())[-1]
    assert (leaf["voucher"], leaf["application_no"]) == (name, data["application_no"])


async def test_unanimous_consent_is_published_without_a_department(catalogue: DisclosureHouse) -> None:
    data = {**about(), "decision": "granted", "decided_at": instant(START), "reasons": []}
    body = {"application_no": data["application_no"], "decision": "granted"}
    data["decision_document"] = SIGNERS["intake"].sign("decision", body).model_dump()
    await catalogue.hear(event("intake", "intake.decision_made.v1", data))
    leaf = (await catalogue.leaves())[-1]
    assert (leaf["how"], leaf["department"]) == ("unanimous", None)


async def test_an_event_delivered_again_makes_no_second_leaf(catalogue: DisclosureHouse) -> None:
    heard = received()
    await catalogue.hear(heard, heard)
    await catalogue.hear(heard)
    assert await require_whole(catalogue) == 2


async def test_acts_of_one_commit_share_one_checkpoint(catalogue: DisclosureHouse) -> None:
    before = len(await catalogue.rows("SELECT 1 FROM checkpoints"))
    await catalogue.hear(*[received() for _ in range(40)])
    assert len(await catalogue.rows("SELECT 1 FROM checkpoints")) == before + 1
    assert await require_whole(catalogue) == 41


async def test_commits_in_any_rhythm_keep_the_log_consistent(catalogue: DisclosureHouse) -> None:
    for burst in (1, 3, 2, 7, 1, 12):
        await catalogue.hear(*[received() for _ in range(burst)])
    assert await require_whole(catalogue) == 27
    sizes = [row[0] for row in await catalogue.rows("SELECT tree_size FROM checkpoints ORDER BY 1")]
    for older, newer in pairwise(sizes):
        answer = await catalogue.get("/log/consistency", **{"from": older, "to": newer})
        roots = {
            size: bytes.fromhex(root)
            for size, root in await catalogue.rows("SELECT tree_size, root FROM checkpoints")
        }
        path = [bytes.fromhex(each) for each in answer["proof"]]
        assert merkle.extends(older, roots[older], newer, roots[newer], path)


async def test_a_paper_that_is_not_genuine_is_set_aside_and_its_neighbours_are_not(
    catalogue: DisclosureHouse,
) -> None:
    bent = received()
    bent.data["voucher"]["body"] = bent.data["voucher"]["body"].replace("received", "accepted")
    foreign = decided("granted", signer="review/fire")
    await catalogue.hear(received(), bent, foreign, received())
    assert await catalogue.set_aside() == ["bad_signature", "bad_signature"]
    assert await require_whole(catalogue) == 3


async def test_an_event_that_says_more_than_its_paper_is_set_aside(catalogue: DisclosureHouse) -> None:
    await catalogue.hear(
        assessed(total_fen=1), changed(received(), application_no="AL-2026-999999"), received(act="accepted")
    )
    assert await catalogue.set_aside() == ["paper_differs"] * 3
    assert await require_whole(catalogue) == 1


async def test_a_department_cannot_publish_another_ones_decision(catalogue: DisclosureHouse) -> None:
    claimed = changed(decided("granted", department="fire"), department="landscape")
    await catalogue.hear(claimed)
    assert await catalogue.set_aside() == ["paper_differs"]


async def test_a_refusal_names_nobody_and_only_published_conditions(catalogue: DisclosureHouse) -> None:
    heard = decided("refused")
    await catalogue.hear(heard)
    text, document, salt = (
        await catalogue.rows(
            "SELECT leaf, document_sha256, salt FROM leaves JOIN leaf_salts USING (leaf_index) ORDER BY 1 DESC"
        )
    )[0]
    leaf = json.loads(text)
    assert leaf["conditions_not_met"] == ["need-shown"]
    assert document is None
    assert heard.data["application_no"] not in text
    assert heard.subject not in text
    [told] = [each for each in await catalogue.said() if each["data"]["of_event"]["id"] == heard.id]
    assert told["data"]["document_sha256"] is None
    digest = document_sha256(heard.data["decision_document"])
    assert leaf["document_commitment"] == commitment(bytes.fromhex(salt), digest)
    assert digest not in json.dumps(await catalogue.get("/api/records"))


async def test_no_canary_reaches_anything_public(catalogue: DisclosureHouse) -> None:
    await catalogue.hear(received(), decided("granted"), decided("refused"), assessed())
    public = [json.dumps(told, ensure_ascii=False) for told in await catalogue.said()]
    public.append(json.dumps(await catalogue.get("/api/records", limit=100), ensure_ascii=False))
    public.append(json.dumps(await catalogue.get("/log/entries", start=0, end=100), ensure_ascii=False))
    for index in range(5):
        public.append(json.dumps(await catalogue.get(f"/api/records/{index}"), ensure_ascii=False))
    found = await catalogue.rows("SELECT subject FROM leaves WHERE subject NOT LIKE 'item/%'")
    subjects = [row[0] for row in found]
    assert len(subjects) == 4
    assert not [canary for canary in CANARIES if any(canary in text for text in public)]
    answers = public[-7:]
    assert not [case for case in subjects if any(case in text for text in answers)], "no case id is public"


async def test_what_is_published_is_never_changed(
    new_database: NewDatabase, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = await new_database("disclosure")
    async with disclosure_house(database.app, tmp_path, monkeypatch) as house:
        await house.publish("items", shipped("items", "tree-felling"))
        await house.hear(decided("refused"))
    for address in (database.app, database.owner):
        connection = await asyncpg.connect(address)
        try:
            for table in TABLES:
                await require_append_only(connection, table)
        finally:
            await connection.close()


async def require_append_only(connection: Any, table: str) -> None:
    """The table holds something, and nothing of it can be changed or taken away."""
    assert await connection.fetchval(f"SELECT count(*) FROM {table}") > 0
    column = await connection.fetchval(
        "SELECT column_name FROM information_schema.columns WHERE table_name = $1 LIMIT 1", table
    )
    for sql in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}", f"TRUNCATE {table}"):
        with pytest.raises(asyncpg.PostgresError, match=r"permission denied|append_only"):
            await connection.execute(sql)


async def test_a_log_rewritten_behind_our_back_is_not_signed_again(
    new_database: NewDatabase, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = await new_database("disclosure")
    async with disclosure_house(database.app, tmp_path, monkeypatch) as house:
        await house.publish("items", shipped("items", "tree-felling"))
        await house.hear(received())
        owner = await asyncpg.connect(database.owner)
        await owner.execute("ALTER TABLE log_nodes DISABLE TRIGGER USER")
        await owner.execute("UPDATE log_nodes SET hash = repeat('ab', 32) WHERE level = 1")
        await owner.close()
        before = len(await house.rows("SELECT 1 FROM checkpoints"))
        await house.hear(received())
        assert len(await house.rows("SELECT 1 FROM checkpoints")) == before
        assert len(await house.rows("SELECT 1 FROM leaves")) == 2
        assert await house.set_aside() == ["effect_refused"]


async def test_records_are_searched_by_number_and_by_the_items_name(catalogue: DisclosureHouse) -> None:
    heard = received()
    await catalogue.hear(heard, decided("granted"), assessed())
    number = heard.data["application_no"]
    found = await catalogue.get("/api/records", q=number)
    assert [row["content"]["application_no"] for row in found["records"]] == [number]
    assert (await catalogue.get("/api/records", q="树木", kind="decision"))["total"] == 1
    assert (await catalogue.get("/api/records", q="树木"))["total"] == 3
    assert (await catalogue.get("/api/records", kind="bill"))["total"] == 1
    newest = (await catalogue.get("/api/records", limit=1))["records"][0]
    assert newest["index"] == 3


async def test_proofs_beyond_the_signed_log_are_refused(catalogue: DisclosureHouse) -> None:
    for path in (
        "/log/proof/1",
        "/log/proof/0?size=2",
        "/log/consistency?from=1&to=2",
        "/log/consistency?from=2&to=1",
    ):
        answer = await catalogue.client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_in_log"), path
    for path in ("/api/records/1", "/api/records/999999999"):
        answer = await catalogue.client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
    for path in ("/api/records/-1", "/log/proof/x", "/log/entries?start=0"):
        answer = await catalogue.client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), path


async def test_an_empty_log_has_no_checkpoint_yet(house: DisclosureHouse) -> None:
    answer = await house.client.get("/log/checkpoint")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await house.get("/log/entries", start=0, end=5))["entries"] == []
