"""``python -m deploy.contracts write|check``: write the generated files, or say which are out of date (status 1)."""

from __future__ import annotations

import sys
from pathlib import Path

from deploy.contracts import asyncapi, event_schemas, flow_page, http_documents
from libs.flow import CONTRACTS, FLOW


def generated() -> dict[Path, str]:
    """Every generated file with the text it should have."""
    return {
        **event_schemas.files(FLOW),
        CONTRACTS / "FLOW.md": flow_page.page(FLOW),
        **{CONTRACTS / "asyncapi" / f"{name}.yaml": asyncapi.document(FLOW, name) for name in FLOW.services},
        **{CONTRACTS / "http" / f"{name}.openapi.json": http_documents.document(name) for name in FLOW.services},
    }


def main(arguments: list[str]) -> int:
    """Write or check; 2 when the call is off."""
    if arguments not in (["write"], ["check"]):
        print(__doc__, file=sys.stderr)
        return 2
    stale = [
        path
        for path, text in generated().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if arguments == ["check"]:
        for path in stale:
            print(f"out of date: {path}")
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
        print(f"written: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
