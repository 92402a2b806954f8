"""The broker's definitions: every queue limited and dead-lettered, every account bound to its own keys and queue.

That a real broker refuses what they forbid is proven elsewhere; here the file itself is read.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any

import pytest

from deploy.contracts.broker_definitions import broker_definitions, dead_queue, hearers
from libs.flow import CONTRACTS, FLOW

DEPARTMENTS = ["fire", "urban_management", "zone_2"]
ACCOUNTS = [FLOW.queue(*each) for each in hearers(FLOW, DEPARTMENTS)]
PASSWORDS = {name: f"secret of {name}" for name in [*ACCOUNTS, "operator"]}
MADE = broker_definitions(FLOW, DEPARTMENTS, PASSWORDS)
SHIPPED = json.loads((CONTRACTS / "broker" / "definitions.json").read_text(encoding="utf-8"))
EVERY_KEY = [
    FLOW.routing_key(event, department)
    for event in FLOW.event_names
    for department in [*DEPARTMENTS, "housing"]
]


def _policy(queue: str) -> dict[str, Any]:
    [policy] = [each for each in MADE["policies"] if re.search(each["pattern"], queue)]
    return dict(policy["definition"])


def _own_keys(account: str) -> set[str]:
    service, _, department = account.partition(".")
    return {
        FLOW.routing_key(event, said_for)
        for event in FLOW.says(service)
        for said_for in ([department] if department else [*DEPARTMENTS, "housing"])
    }


def test_every_hearer_has_a_quorum_queue_and_dead_letters_beside_it() -> None:
    queues = {queue["name"]: queue for queue in MADE["queues"]}
    assert set(queues) == {*ACCOUNTS, *map(dead_queue, ACCOUNTS)}
    for queue in queues.values():
        assert queue["durable"]
        assert queue["arguments"] == {"x-queue-type": "quorum"}, (
            "everything else is policy, so that it can change"
        )


def test_every_queue_has_exactly_one_policy_and_states_its_limit() -> None:
    for account in ACCOUNTS:
        policy = _policy(account)
        assert policy == {
            "delivery-limit": FLOW.delivery_limit,
            "dead-letter-exchange": FLOW.dead_letter_exchange,
            "dead-letter-routing-key": account,
            "dead-letter-strategy": "at-least-once",
            "overflow": "reject-publish",
            "max-length": FLOW.max_length,
        }
        assert _policy(dead_queue(account))["delivery-limit"] >= 1_000_000, "a dead letter is never dropped"


def test_no_policy_key_stops_an_import_on_either_version() -> None:
    refused = {
        "consumer-timeout",
        "delayed-retry-type",
        "target-group-size",
        "consumer-disconnected-timeout",
        "ha-mode",
    }
    for policy in MADE["policies"]:
        assert not refused & policy["definition"].keys()
        assert policy["definition"]["delivery-limit"] > 0, "3.10 refuses -1"
        assert policy["apply-to"] == "queues"


def test_dead_letters_come_to_the_queue_beside_the_one_that_gave_up() -> None:
    assert {each["name"]: each["type"] for each in MADE["exchanges"]} == {
        "permit": "topic",
        "permit.dead": "direct",
    }
    dead = {
        (each["routing_key"], each["destination"])
        for each in MADE["bindings"]
        if each["source"] == "permit.dead"
    }
    assert dead == {(account, dead_queue(account)) for account in ACCOUNTS}


@pytest.mark.parametrize("event", FLOW.event_names)
def test_every_event_reaches_its_hearers_and_nobody_else(event: str) -> None:
    rule = FLOW.rule(event)
    key = FLOW.routing_key(event, "fire")
    reached = {
        each["destination"]
        for each in MADE["bindings"]
        if each["source"] == "permit" and _fits(each["routing_key"], key)
    }
    wanted = set()
    for service in rule.heard_by:
        if FLOW.services[service]["per"] == "center":
            wanted.add(service)
        else:
            wanted |= {"review.fire"} if rule.sent_to else {f"review.{each}" for each in DEPARTMENTS}
    assert reached == wanted
    assert len(reached) == FLOW.queues_reached(event, DEPARTMENTS)


def _fits(binding: str, key: str) -> bool:
    return re.fullmatch(re.escape(binding).replace(r"\*", "[^.]+"), key) is not None


def test_every_account_writes_its_own_routing_keys_and_no_others() -> None:
    topics = {each["user"]: each for each in MADE["topic_permissions"]}
    assert set(topics) == set(ACCOUNTS)
    for account, topic in topics.items():
        allowed = {key for key in EVERY_KEY if re.search(topic["write"], key)}
        assert allowed == _own_keys(account) & set(EVERY_KEY)
        assert allowed or account == "nobody"
        assert topic["read"] == "^$"
        for evil in ("", "x", "review.opinion_given.v1", f"{account}.secret.v1", "permit.dead"):
            assert not re.search(topic["write"], evil)


def test_one_department_cannot_speak_as_another_nor_as_fee() -> None:
    [fire] = [each for each in MADE["topic_permissions"] if each["user"] == "review.fire"]
    assert re.search(fire["write"], "review.opinion_given.v1.fire")
    forgeries = [
        "review.opinion_given.v1.urban_management",
        "review.opinion_given.v1.fire.x",
        "review.opinion_given.v1.fire_brigade",
        "xreview.opinion_given.v1.fire",
        "fee.payment_received.v1",
    ]
    for forged in forgeries:
        assert not re.search(fire["write"], forged)


def test_every_account_reads_its_own_queues_and_configures_nothing() -> None:
    queues = [queue["name"] for queue in MADE["queues"]]
    for permission in MADE["permissions"]:
        if permission["user"] == "operator":
            continue
        account = permission["user"]
        assert permission["configure"] == "^$"
        assert permission["write"] == "^permit$"
        assert {queue for queue in queues if re.search(permission["read"], queue)} == {
            account,
            f"{account}.dead",
        }


def test_passwords_are_salted_and_each_account_has_its_own() -> None:
    for user in MADE["users"]:
        raw = base64.b64decode(user["password_hash"])
        assert raw[4:] == hashlib.sha256(raw[:4] + PASSWORDS[user["name"]].encode()).digest()
        assert user["tags"] == (["administrator"] if user["name"] == "operator" else [])
    with pytest.raises(KeyError):
        broker_definitions(FLOW, DEPARTMENTS, {"intake": "x"})


def test_operator_is_only_there_when_somebody_has_its_password() -> None:
    without = broker_definitions(FLOW, DEPARTMENTS, {name: PASSWORDS[name] for name in ACCOUNTS})
    assert "operator" not in {user["name"] for user in without["users"]}


def test_shipped_file_lets_nobody_in() -> None:
    assert {user["name"] for user in SHIPPED["users"]} > {"intake", "fee", "review.fire", "operator"}
    assert {user["password_hash"] for user in SHIPPED["users"]} == {""}


def test_a_department_more_is_one_code_more() -> None:
    more = broker_definitions(FLOW, [*DEPARTMENTS, "housing"], None)
    assert {queue["name"] for queue in more["queues"]} - {queue["name"] for queue in MADE["queues"]} == {
        "review.housing",
        "review.housing.dead",
    }
