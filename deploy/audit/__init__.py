"""The audit: reads every database with read-only roles, believes nobody, and recomputes everything.

It shares no code with the services it audits: only the story (`libs.flow`) and the verification of signatures
(`libs.signatures`) are common; the rest is counted, evaluated and hashed here once more.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from deploy.audit.checks import CHECKS
from deploy.audit.load import load
from deploy.audit.report import Finding, Report
from deploy.audit.snapshot import Snapshot
from libs.flow import Flow

__all__ = ["Finding", "Report", "Snapshot", "audit", "judge"]


async def audit(
    databases: Mapping[str, str],
    flow: Flow,
    *,
    key_directory: Path | None = None,
    business_now: datetime | None = None,
    broker_url: str | None = None,
) -> Report:
    """Load every database (name to read-only address) and judge it; without keys no signature is trusted."""
    snapshot = await load(
        databases, key_directory=key_directory, business_now=business_now, broker_url=broker_url
    )
    return judge(snapshot, flow)


def judge(snapshot: Snapshot, flow: Flow) -> Report:
    """Every invariant on one snapshot. A check that cannot even run is a breach of its invariant."""
    findings = []
    for invariant, check in CHECKS.items():
        try:
            findings.append(check(snapshot, flow))
        except (KeyError, TypeError, ValueError, IndexError) as wrong:
            broken = Finding(invariant, check.__name__.replace("_", " "))
            broken.breach(f"what is stored cannot be read: {type(wrong).__name__} {wrong}")
            findings.append(broken)
    return Report(tuple(findings))
