"""``python -m deploy.contracts write|check``: write the generated files, or say which are out of date (status 1)."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.contracts import asyncapi, event_schemas, flow_page, http_documents
from deploy.contracts.broker_definitions import broker_definitions
from libs.flow import CONTRACTS, FLOW

DEPARTMENTS = Path(__file__).resolve().parents[1] / "departments"


def departments(folder: Path = DEPARTMENTS) -> list[str]:
    """The codes of the shipped departments."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def generated(contracts: Path = CONTRACTS) -> dict[Path, str]:
    """Every generated file with the text it should have; RuntimeError when a service cannot be built."""
    definitions = broker_definitions(FLOW, departments(), None)
    return {
        **event_schemas.files(FLOW, contracts / "events"),
        contracts / "FLOW.md": flow_page.page(FLOW),
        contracts / "broker" / "definitions.json": json.dumps(definitions, indent=2) + "\n",
        **{contracts / "asyncapi" / f"{name}.yaml": asyncapi.document(FLOW, name) for name in FLOW.services},
        **{
            contracts / "http" / f"{name}.openapi.json": text
            for name, text in http_documents.documents(list(FLOW.services)).items()
        },
    }


def stale_files(wanted: Mapping[Path, str]) -> dict[Path, str]:
    """The files that are not what they should be, with the text they should have."""
    return {
        path: text
        for path, text in wanted.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }


def main(arguments: list[str], wanted: Mapping[Path, str] | None = None) -> int:
    """Write or check ``wanted`` (everything, if not given); 2 when the call is off."""
    if arguments not in (["write"], ["check"]):
        print(__doc__, file=sys.stderr)
        return 2
    stale = stale_files(generated() if wanted is None else wanted)
    for path, text in stale.items():
        if arguments == ["write"]:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        print(f"{'written' if arguments == ['write'] else 'out of date'}: {path}")
    return 1 if stale and arguments == ["check"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
