"""Reads contracts/flow.yaml, the single story: who says which event, who hears it, which way it goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

CONTRACTS = Path(__file__).resolve().parent.parent / "contracts"


@dataclass(frozen=True, slots=True)
class Rule:
    """One step of the story: an event, its speaker, its hearers, its clauses of law, its clocks, its successors.

    ``sent_to`` is "department" when the event goes to one named department, else None.
    """

    event: str
    step: str
    said_by: str
    sent_to: str | None
    heard_by: tuple[str, ...]
    law: tuple[str, ...]
    starts: tuple[str, ...]
    stops: tuple[str, ...]
    next: tuple[str, ...]

    @property
    def carries_department(self) -> bool:
        """Whether its routing key ends in a department."""
        return self.said_by == "review" or self.sent_to is not None


class Flow:
    """The story as code asks for it; KeyError for an event the story does not know."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.exchange: str = document["exchange"]
        self.dead_letter_exchange: str = document["dead_letter_exchange"]
        self.delivery_limit: int = document["delivery_limit"]
        self.max_length: int = document["max_length"]
        self.max_message_bytes: int = document["max_message_bytes"]
        self.services: dict[str, dict[str, str]] = document["services"]
        self.clocks: dict[str, dict[str, str]] = document["clocks"]
        self.rules: dict[str, Rule] = {step["event"]: _rule(step) for step in document["steps"]}

    @property
    def event_names(self) -> list[str]:
        """Every event, in the order of the story."""
        return list(self.rules)

    def rule(self, event: str) -> Rule:
        """The step that says ``event``."""
        return self.rules[event]

    def routing_key(self, event: str, department: str | None = None) -> str:
        """The event's name, plus ``.<department>`` for what a department says or is sent."""
        if not self.rules[event].carries_department:
            return event
        if not department:
            raise ValueError(f"{event} needs a department in its routing key")
        return f"{event}.{department}"

    def says(self, service: str) -> list[str]:
        """The events ``service`` may say."""
        return [name for name, rule in self.rules.items() if rule.said_by == service]

    def hears(self, service: str) -> list[str]:
        """The events that reach ``service``'s queue."""
        return [name for name, rule in self.rules.items() if service in rule.heard_by]

    def queue(self, service: str, department: str | None = None) -> str:
        """The queue (and broker account) of a hearer: ``intake``, ``review.fire``."""
        if (self.services[service]["per"] == "department") != bool(department):
            raise ValueError(f"{service} runs per {self.services[service]['per']}")
        return f"{service}.{department}" if department else service

    def queues_reached(self, event: str, departments: Sequence[str]) -> int:
        """How many queues one saying of ``event`` is delivered to in a center with these departments."""
        rule = self.rules[event]
        spread = 1 if rule.sent_to else len(departments)
        return sum(spread if self.services[hearer]["per"] == "department" else 1 for hearer in rule.heard_by)


def _rule(step: dict[str, Any]) -> Rule:
    return Rule(
        event=step["event"],
        step=str(step["step"]),
        said_by=step["said_by"],
        sent_to=step.get("sent_to"),
        heard_by=tuple(step["heard_by"]),
        law=tuple(step["law"]),
        starts=tuple(step.get("starts", ())),
        stops=tuple(step.get("stops", ())),
        next=tuple(step["next"]),
    )


@cache
def load(path: Path = CONTRACTS / "flow.yaml") -> Flow:
    """The story of this center."""
    return Flow(yaml.safe_load(path.read_text(encoding="utf-8")))


FLOW = load()
