"""The broker's definitions: exchanges, queues, bindings, limits, accounts and rights, all from the story.

RabbitMQ 3.10 and 4.x import the same file: queues carry only their type, everything else is policy. An account
has the name of its queue; it may write to the one exchange under its own routing keys, and read its own queue
and dead letters. It may configure nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from deploy.servers.broker import VHOST, password_hash
from libs.flow import Flow

OPERATOR = "operator"
HEALER = "healer"  # looks at the length of queues, and at nothing in them
NOBODY_LOGS_IN = ""  # the hash of no password: RabbitMQ refuses every login of such an account
# 4.x would drop a dead letter that was taken and put back 20 times; 3.10 refuses "no limit" (-1).
DEAD_LETTER_DELIVERY_LIMIT = 1_000_000_000
Hearer = tuple[str, str | None]


def hearers(flow: Flow, departments: Sequence[str]) -> list[Hearer]:
    """(service, department or None) of every queue in a center with these departments."""
    return [
        (service, department)
        for service, spread in flow.services.items()
        for department in (departments if spread["per"] == "department" else [None])
    ]


def broker_definitions(
    flow: Flow, departments: Sequence[str], passwords: Mapping[str, str] | None
) -> dict[str, Any]:
    """Everything the broker of a center with these departments imports.

    ``passwords`` by account, and by ``operator`` and ``healer`` if the center wants those; KeyError when one is
    missing. None writes the template: accounts nobody can log in with.
    """
    every = hearers(flow, departments)
    accounts = [flow.queue(*each) for each in every]
    users = [_user(name, passwords, []) for name in accounts]
    permissions = [_permission(flow, name) for name in accounts]
    if passwords is None or OPERATOR in passwords:
        users.append(_user(OPERATOR, passwords, ["administrator"]))
        permissions.append({"user": OPERATOR, "vhost": VHOST, "configure": ".*", "write": ".*", "read": ".*"})
    if passwords is not None and HEALER in passwords:
        users.append(_user(HEALER, passwords, ["monitoring"]))
        permissions.append({"user": HEALER, "vhost": VHOST, "configure": "^$", "write": "^$", "read": "^$"})
    return {
        "users": users,
        "vhosts": [{"name": VHOST}],
        "permissions": permissions,
        "topic_permissions": [_topic_permission(flow, *each) for each in every],
        "exchanges": [_exchange(flow.exchange, "topic"), _exchange(flow.dead_letter_exchange, "direct")],
        "queues": [_queue(queue) for name in accounts for queue in (name, dead_queue(name))],
        "bindings": [binding for each in every for binding in _bindings(flow, *each)],
        "policies": [*(_policy(flow, name) for name in accounts), _dead_policy()],
    }


def dead_queue(queue: str) -> str:
    """Where the dead letters of ``queue`` are kept: ``review.fire.dead``."""
    return f"{queue}.dead"


def heard_key(flow: Flow, event: str, department: str | None) -> str:
    """The binding key under which a hearer hears ``event``."""
    rule = flow.rule(event)
    if not rule.carries_department:
        return event
    return f"{event}.{department}" if department and rule.sent_to else f"{event}.*"


def may_say(flow: Flow, service: str, department: str | None) -> str:
    """The regular expression of the routing keys an account may write."""
    plain: list[str] = []
    addressed: list[str] = []
    for event in flow.says(service):
        (addressed if flow.rule(event).carries_department else plain).append(re.escape(event))
    parts = ["|".join(plain)] if plain else []
    if addressed:
        parts.append(rf"({'|'.join(addressed)})\.{re.escape(department) if department else '[a-z0-9_]+'}")
    return f"^({'|'.join(parts)})$"


def _user(name: str, passwords: Mapping[str, str] | None, tags: list[str]) -> dict[str, Any]:
    return {
        "name": name,
        "password_hash": NOBODY_LOGS_IN if passwords is None else password_hash(passwords[name]),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": tags,
    }


def _permission(flow: Flow, name: str) -> dict[str, str]:
    return {
        "user": name,
        "vhost": VHOST,
        "configure": "^$",
        "write": f"^{re.escape(flow.exchange)}$",
        "read": rf"^{re.escape(name)}(\.dead)?$",
    }


def _topic_permission(flow: Flow, service: str, department: str | None) -> dict[str, str]:
    return {
        "user": flow.queue(service, department),
        "vhost": VHOST,
        "exchange": flow.exchange,
        "write": may_say(flow, service, department),
        "read": "^$",
    }


def _exchange(name: str, kind: str) -> dict[str, Any]:
    return {
        "name": name,
        "vhost": VHOST,
        "type": kind,
        "durable": True,
        "auto_delete": False,
        "internal": False,
        "arguments": {},
    }


def _queue(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "vhost": VHOST,
        "durable": True,
        "auto_delete": False,
        "arguments": {"x-queue-type": "quorum"},
    }


def _bindings(flow: Flow, service: str, department: str | None) -> list[dict[str, Any]]:
    queue = flow.queue(service, department)
    wanted = [(flow.exchange, queue, heard_key(flow, event, department)) for event in flow.hears(service)]
    wanted.append((flow.dead_letter_exchange, dead_queue(queue), queue))
    return [
        {
            "source": source,
            "vhost": VHOST,
            "destination": destination,
            "destination_type": "queue",
            "routing_key": key,
            "arguments": {},
        }
        for source, destination, key in wanted
    ]


def _policy(flow: Flow, queue: str) -> dict[str, Any]:
    definition = {
        "delivery-limit": flow.delivery_limit,
        "dead-letter-exchange": flow.dead_letter_exchange,
        "dead-letter-routing-key": queue,
        "dead-letter-strategy": "at-least-once",
        "overflow": "reject-publish",
        "max-length": flow.max_length,
    }
    return _named_policy(queue, f"^{re.escape(queue)}$", definition)


def _dead_policy() -> dict[str, Any]:
    return _named_policy("dead letters", r"\.dead$", {"delivery-limit": DEAD_LETTER_DELIVERY_LIMIT})


def _named_policy(name: str, pattern: str, definition: dict[str, Any]) -> dict[str, Any]:
    return {
        "vhost": VHOST,
        "name": name,
        "pattern": pattern,
        "apply-to": "queues",
        "priority": 1,
        "definition": definition,
    }
