"""``python -m deploy.audit --databases FILE``: prints one row per invariant; status 1 on any breach.

The file (or the variable ONEWINDOW_AUDIT_DATABASES, as text) maps each database to its read-only address:
``{"intake": "postgresql://…", "fee": …, "disclosure": …, "supervision": …, "review.fire": …}``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import asyncpg

from deploy.audit import audit
from deploy.audit.load import clock_file_now
from deploy.audit.report import Report
from libs.flow import FLOW
from libs.signatures import BadKeyFile

RETRY_S = 0.5


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.audit", description=__doc__)
    parser.add_argument("--databases", type=Path, help="JSON file; else ONEWINDOW_AUDIT_DATABASES")
    parser.add_argument("--keys", type=Path, help="key directory; else ONEWINDOW_KEY_DIRECTORY_FILE")
    parser.add_argument(
        "--clock", type=Path, help="clock file; else ONEWINDOW_CLOCK_FILE; else the last event"
    )
    parser.add_argument("--now", type=datetime.fromisoformat, help="business time, instead of a clock")
    parser.add_argument(
        "--broker", help="management address; else ONEWINDOW_AUDIT_BROKER_URL; else not looked at"
    )
    parser.add_argument(
        "--wait", type=float, default=0.0, help="look again for so many seconds while it breaches"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


def _databases(path: Path | None) -> Mapping[str, str]:
    text = path.read_text(encoding="utf-8") if path else os.environ.get("ONEWINDOW_AUDIT_DATABASES", "")
    if not text:
        sys.exit("Which databases? Give --databases FILE or set ONEWINDOW_AUDIT_DATABASES.")
    found: Mapping[str, str] = json.loads(text)
    return found


def _path(given: Path | None, variable: str) -> Path | None:
    return given or (Path(os.environ[variable]) if os.environ.get(variable) else None)


async def _look(options: argparse.Namespace, databases: Mapping[str, str]) -> Report:
    """Audit; while it breaches and there is time, once more: what was still under way has arrived by then."""
    clock = _path(options.clock, "ONEWINDOW_CLOCK_FILE")
    loop = asyncio.get_running_loop()
    until = loop.time() + options.wait
    while True:
        report = await audit(
            databases,
            FLOW,
            key_directory=_path(options.keys, "ONEWINDOW_KEY_DIRECTORY_FILE"),
            business_now=options.now or (clock_file_now(clock) if clock else None),
            broker_url=options.broker or os.environ.get("ONEWINDOW_AUDIT_BROKER_URL"),
        )
        if report.clean or loop.time() >= until:
            return report
        await asyncio.sleep(RETRY_S)


def main() -> int:
    """The command line; returns its exit status."""
    options = _arguments()
    databases = _databases(options.databases)
    try:
        report = asyncio.run(_look(options, databases))
    except (OSError, asyncpg.PostgresError, BadKeyFile) as away:
        sys.exit(f"Nothing was judged: {type(away).__name__}: {away}")
    print(report.to_json() if options.json else "\n".join(report.lines()))
    return 0 if report.clean else 1


if __name__ == "__main__":
    sys.exit(main())
