"""Each event's JSON Schema, from its speaker's message: the speaker owns it, hearers may ignore what they like."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from deploy.contracts.wire import tightened
from libs.contracts import schema_path
from libs.flow import CONTRACTS, Flow

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_MAPPINGS = ("properties", "$defs")  # their keys are names of members, not keywords


def class_name(event: str) -> str:
    """``intake.application_received.v1`` is said as ``ApplicationReceived``."""
    return "".join(word.capitalize() for word in event.split(".")[1].split("_"))


def said_model(event: str) -> type[BaseModel]:
    """The speaker's own model of the event; AttributeError when the speaker has none."""
    speaker = event.split(".")[0]
    messages = importlib.import_module(f"services.{speaker}.messages")
    if not hasattr(messages, class_name(event)):
        messages = importlib.import_module(f"services.{speaker}.messages.said")
    model: type[BaseModel] = getattr(messages, class_name(event))
    return model


def schema_of(event: str) -> dict[str, Any]:
    """The schema as it is committed: open to further members, without the generator's titles."""
    schema = said_model(event).model_json_schema(mode="serialization")
    opened = {
        key: _open(value, names=key in _MAPPINGS)
        for key, value in schema.items()
        if key not in ("title", "additionalProperties")
    }
    return {
        "$schema": DRAFT,
        "$id": f"urn:onewindow:event:{event}",
        "title": event,
        **tightened(opened),
    }


def _open(node: Any, *, names: bool = False) -> Any:
    """Without titles and closed objects; ``names`` marks a mapping whose keys are member names."""
    if isinstance(node, list):
        return [_open(each) for each in node]
    if not isinstance(node, dict):
        return node
    if names:
        return {key: _open(value) for key, value in node.items()}
    dropped = {"title", "discriminator"} | (
        {"additionalProperties"} if node.get("additionalProperties") is False else set()
    )
    return {
        key: _open(value, names=key in _MAPPINGS)
        for key, value in node.items()
        if key not in dropped and not (key == "required" and not value)
    }


def files(flow: Flow, root: Path = CONTRACTS / "events") -> dict[Path, str]:
    """Every schema file with its text."""
    return {
        schema_path(event, root): json.dumps(schema_of(event), ensure_ascii=False, indent=2) + "\n"
        for event in flow.event_names
    }
