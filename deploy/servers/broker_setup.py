"""Until deploy.contracts generates them: the broker's definitions from the story, as small as they can be."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from deploy.servers.broker import VHOST, password_hash
from libs.flow import Flow


def broker_definitions(
    flow: Flow, departments: Sequence[str], passwords: Mapping[str, str]
) -> dict[str, Any]:
    """Exchanges, queues, bindings, accounts and rights for a center with these departments."""
    exchange, dead = flow.exchange, flow.dead_letter_exchange
    hearers = [
        (service, department)
        for service, spread in flow.services.items()
        for department in (departments if spread["per"] == "department" else [None])
    ]
    queues, bindings, permissions, topics = [], [], [], []
    for service, department in hearers:
        name = flow.queue(service, department)
        for queue in (name, f"{name}.dead"):
            queues.append(
                {
                    "name": queue,
                    "vhost": VHOST,
                    "durable": True,
                    "auto_delete": False,
                    "arguments": {"x-queue-type": "quorum"},
                }
            )
        keys = [_heard_key(flow, event, department) for event in flow.hears(service)]
        bindings += [_binding(exchange, name, key) for key in keys]
        bindings.append(_binding(dead, f"{name}.dead", name))
        permissions.append(
            {
                "user": name,
                "vhost": VHOST,
                "configure": "^$",
                "write": f"^{re.escape(exchange)}$",
                "read": f"^{re.escape(name)}$",
            }
        )
        topics.append(
            {
                "user": name,
                "vhost": VHOST,
                "exchange": exchange,
                "read": "^$",
                "write": _may_say(flow, service, department),
            }
        )
    return {
        "users": [
            {
                "name": name,
                "password_hash": password_hash(passwords[name]),
                "tags": [],
                "hashing_algorithm": "rabbit_password_hashing_sha256",
            }
            for name in (flow.queue(*each) for each in hearers)
        ],
        "vhosts": [{"name": VHOST}],
        "permissions": permissions,
        "topic_permissions": topics,
        "exchanges": [
            {
                "name": name,
                "vhost": VHOST,
                "type": "topic" if name == exchange else "direct",
                "durable": True,
                "auto_delete": False,
                "internal": False,
                "arguments": {},
            }
            for name in (exchange, dead)
        ],
        "queues": queues,
        "bindings": bindings,
        "policies": [_policy(flow, flow.queue(*each)) for each in hearers],
    }


def _heard_key(flow: Flow, event: str, department: str | None) -> str:
    rule = flow.rule(event)
    if not rule.carries_department:
        return event
    return f"{event}.{department}" if department and rule.sent_to else f"{event}.*"


def _binding(source: str, queue: str, key: str) -> dict[str, Any]:
    return {
        "source": source,
        "vhost": VHOST,
        "destination": queue,
        "destination_type": "queue",
        "routing_key": key,
        "arguments": {},
    }


def _may_say(flow: Flow, service: str, department: str | None) -> str:
    keys = []
    for event in flow.says(service):
        ending = ""
        if flow.rule(event).carries_department:
            ending = rf"\.{department}" if department else r"\.[a-z_]+"
        keys.append(re.escape(event) + ending)
    return f"^({'|'.join(keys)})$"


def _policy(flow: Flow, queue: str) -> dict[str, Any]:
    return {
        "vhost": VHOST,
        "name": queue,
        "pattern": f"^{re.escape(queue)}$",
        "apply-to": "queues",
        "priority": 1,
        "definition": {
            "delivery-limit": flow.delivery_limit,
            "dead-letter-exchange": flow.dead_letter_exchange,
            "dead-letter-routing-key": queue,
            "dead-letter-strategy": "at-least-once",
            "overflow": "reject-publish",
            "max-length": flow.max_length,
        },
    }
