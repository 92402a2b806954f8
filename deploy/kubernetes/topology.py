"""The broker's definitions as objects of the RabbitMQ topology operator: the same rights, queues and limits.

Each account's objects stand in its house's file, so that a department's queue comes and goes with it. A queue
that holds messages is never deleted by deleting its object (``deletionPolicy: retain``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from deploy.contracts.broker_definitions import broker_definitions, dead_queue
from deploy.kubernetes.writing import resource
from deploy.servers.broker import VHOST
from libs.flow import FLOW

API = "rabbitmq.com/v1beta1"
CLUSTER = {"rabbitmqClusterReference": {"name": "rabbitmq"}}
Objects = list[dict[str, Any]]


def object_name(*parts: str) -> str:
    """A name Kubernetes takes: ``review.fire.dead`` → ``review-fire-dead``."""
    return re.sub(r"[^a-z0-9-]+", "-", "-".join(parts).lower()).strip("-")


def shared(codes: Sequence[str]) -> Objects:
    """What belongs to no account: virtual host, exchanges, and the policy of the dead letters."""
    told = broker_definitions(FLOW, list(codes), None)
    host = {"name": VHOST, "defaultQueueType": "quorum", "deletionPolicy": "retain", **CLUSTER}
    found = [resource(API, "Vhost", object_name(VHOST), host)]
    for exchange in told["exchanges"]:
        spec = {
            "name": exchange["name"], "vhost": exchange["vhost"], "type": exchange["type"],
            "durable": exchange["durable"], "autoDelete": exchange["auto_delete"], **CLUSTER,
        }  # fmt: skip
        found.append(resource(API, "Exchange", object_name(exchange["name"]), spec))
    accounts = {user["name"] for user in told["users"]}
    found += [_policy(policy) for policy in told["policies"] if policy["name"] not in accounts]
    return found


def of_account(account: str, codes: Sequence[str]) -> Objects:
    """Account, rights, queue, dead letters, bindings and limits of one house."""
    told = broker_definitions(FLOW, list(codes), None)
    queues = (account, dead_queue(account))
    found = [_user(account)]
    found += [_permission(each) for each in told["permissions"] if each["user"] == account]
    found += [_topic_permission(each) for each in told["topic_permissions"] if each["user"] == account]
    found += [_queue(each) for each in told["queues"] if each["name"] in queues]
    found += [_binding(each) for each in told["bindings"] if each["destination"] in queues]
    found += [_policy(each) for each in told["policies"] if each["name"] == account]
    return found


def _user(account: str) -> dict[str, Any]:
    name = object_name(account)
    return resource(API, "User", name, {"importCredentialsSecret": {"name": f"{name}-broker"}, **CLUSTER})


def _permission(told: dict[str, Any]) -> dict[str, Any]:
    name = object_name(told["user"])
    rights = {right: told[right] for right in ("configure", "write", "read")}
    spec = {"vhost": told["vhost"], "userReference": {"name": name}, "permissions": rights, **CLUSTER}
    return resource(API, "Permission", name, spec)


def _topic_permission(told: dict[str, Any]) -> dict[str, Any]:
    name = object_name(told["user"])
    rights = {right: told[right] for right in ("exchange", "write", "read")}
    spec = {"vhost": told["vhost"], "userReference": {"name": name}, "permissions": rights, **CLUSTER}
    return resource(API, "TopicPermission", name, spec)


def _queue(told: dict[str, Any]) -> dict[str, Any]:
    spec = {
        "name": told["name"], "vhost": told["vhost"], "type": told["arguments"]["x-queue-type"],
        "durable": told["durable"], "autoDelete": told["auto_delete"], "deletionPolicy": "retain", **CLUSTER,
    }  # fmt: skip
    return resource(API, "Queue", object_name(told["name"]), spec)


def _binding(told: dict[str, Any]) -> dict[str, Any]:
    names = ("vhost", "source", "destination")
    spec = {
        **{name: told[name] for name in names}, "destinationType": told["destination_type"],
        "routingKey": told["routing_key"], **CLUSTER,
    }  # fmt: skip
    key = told["routing_key"].replace("*", "any")
    return resource(API, "Binding", object_name(told["destination"], "hears", key), spec)


def _policy(told: dict[str, Any]) -> dict[str, Any]:
    spec = {
        "name": told["name"], "vhost": told["vhost"], "pattern": told["pattern"], "applyTo": told["apply-to"],
        "priority": told["priority"], "definition": told["definition"], **CLUSTER,
    }  # fmt: skip
    return resource(API, "Policy", object_name(told["name"]), spec)
