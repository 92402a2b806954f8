"""contracts/asyncapi/<service>.yaml: what a service says and hears on the broker, as AsyncAPI 3."""

from __future__ import annotations

from typing import Any

import yaml

from libs.envelope import BATCH_CONTENT_TYPE
from libs.flow import Flow, Rule


def _channel(flow: Flow, rule: Rule) -> dict[str, Any]:
    address = f"{rule.event}.{{department}}" if rule.carries_department else rule.event
    channel: dict[str, Any] = {
        "address": address,
        "messages": {"event": {"$ref": f"#/components/messages/{_key(rule.event)}"}},
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {"name": flow.exchange, "type": "topic", "durable": True},
            }
        },
    }
    if rule.carries_department:
        channel["parameters"] = {"department": {"description": "The department that says it or is told it."}}
    return channel


def _key(event: str) -> str:
    return event.replace(".", "_")


def _message(rule: Rule) -> dict[str, Any]:
    speaker, _, rest = rule.event.partition(".")
    return {
        "name": rule.event,
        "contentType": BATCH_CONTENT_TYPE,
        "summary": f"Step {rule.step}; {'; '.join(rule.law)}",
        "payload": {
            "type": "array",
            "items": {
                "type": "object",
                "description": "CloudEvents 1.0",
                "required": ["specversion", "id", "type", "source", "time", "subject", "data"],
                "properties": {
                    "type": {"const": rule.event},
                    "data": {"$ref": f"../events/{speaker}/{rest}.schema.json"},
                },
            },
        },
    }


def document(flow: Flow, service: str) -> str:
    """The AsyncAPI document of one service, as YAML."""
    says, hears = flow.says(service), flow.hears(service)
    rules = {event: flow.rule(event) for event in flow.event_names if event in {*says, *hears}}
    operations: dict[str, Any] = {
        f"say_{_key(event)}": {"action": "send", "channel": {"$ref": f"#/channels/{_key(event)}"}}
        for event in says
    }
    operations |= {
        f"hear_{_key(event)}": {"action": "receive", "channel": {"$ref": f"#/channels/{_key(event)}"}}
        for event in hears
    }
    whole = {
        "asyncapi": "3.0.0",
        "info": {
            "title": f"Onewindow {service}",
            "version": str(flow.document["version"]),
            "description": "Written by `python -m deploy.contracts write` from flow.yaml and the event schemas.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": BATCH_CONTENT_TYPE,
        "channels": {_key(event): _channel(flow, rule) for event, rule in rules.items()},
        "operations": operations,
        "components": {"messages": {_key(event): _message(rule) for event, rule in rules.items()}},
    }
    return yaml.safe_dump(whole, sort_keys=False, allow_unicode=True, width=110)
