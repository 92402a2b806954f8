"""Who speaks, and what the story lets it say: checked before an event is staged."""

from __future__ import annotations

from typing import Any

from libs import contracts
from libs.flow import Flow


class SaidWrongly(Exception):
    """A service said an event that flow.yaml does not let it say: a bug, not a refusal."""


class Speaker:
    """Who speaks: the service, its department if it is one, and what flow.yaml lets it say."""

    def __init__(self, flow: Flow, service: str, department: str | None) -> None:
        self.service = service
        self.department = department
        self.source = f"{service}/{department}" if department else service
        self._flow = flow
        self._says = set(flow.says(service))

    def check(
        self, event_type: str, data: dict[str, Any], department: str | None, model: type | None = None
    ) -> str | None:
        """The department the event goes by; SaidWrongly or ContractBroken when it may not be said so.

        ``model`` is the message class that has validated ``data``, if one has.
        """
        if event_type not in self._says:
            raise SaidWrongly(f"{self.service} does not say {event_type}")
        rule = self._flow.rule(event_type)
        if rule.said_by == "review":
            department = self.department
        if (rule.said_by == "review" or rule.sent_to) and not department:
            raise SaidWrongly(f"{event_type} needs a department")
        if model is None:
            contracts.check(event_type, data)
        else:
            contracts.check_said(event_type, model, data)
        return department
