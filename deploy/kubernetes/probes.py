"""Asks a container what its manifest has the cluster ask."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

from deploy.kubernetes.containers import Engine


def holds(engine: Engine, name: str, container: Mapping[str, Any], probe: Mapping[str, Any]) -> bool:
    """Whether one probe of a running container succeeds now."""
    if "exec" in probe:
        return engine.execute(name, probe["exec"]["command"], float(probe.get("timeoutSeconds", 1)))
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    if "tcpSocket" in probe:
        port = ports[probe["tcpSocket"]["port"]]
        try:
            with socket.create_connection((engine.address(name), port), 3):
                return True
        except OSError:
            return False
    told = probe["httpGet"]
    return engine.status(f"http://{engine.address(name)}:{ports[told['port']]}{told['path']}") == 200
