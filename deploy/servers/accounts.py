"""The broker's accounts for one run: a name and a fresh password for every service and every department."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deploy.contracts.broker_definitions import broker_definitions
from deploy.servers.broker import RabbitmqServer
from libs.flow import FLOW


@dataclass(frozen=True)
class Accounts:
    """Who may log in at the broker; an account has the name of its queue (``intake``, ``review.fire``)."""

    departments: tuple[str, ...]
    passwords: dict[str, str]

    @classmethod
    def fresh(cls, departments: Sequence[str]) -> Accounts:
        """New random passwords for every service and department."""
        names = [
            FLOW.queue(service, department)
            for service, spread in FLOW.services.items()
            for department in (departments if spread["per"] == "department" else [None])
        ]
        return cls(tuple(departments), {name: secrets.token_urlsafe(18) for name in names})

    @property
    def max_message_bytes(self) -> int:
        """The longest message the broker takes, as the story declares it."""
        return FLOW.max_message_bytes

    def definitions(self) -> dict[str, Any]:
        """The broker's definitions for these accounts."""
        return broker_definitions(FLOW, list(self.departments), self.passwords)

    def address(self, server: RabbitmqServer, service: str, department: str | None = None) -> str:
        """The AMQP address with which a service (for a department) logs in."""
        account = FLOW.queue(service, department)
        return server.address(account, self.passwords[account])
