"""``make test-generations``: the tests that talk to servers, once on each generation of RabbitMQ and PostgreSQL.

The machine's own servers are one generation (Debian 12: RabbitMQ 3.10, PostgreSQL 15), those in containers others.
What cannot be had here is said to be skipped; status 1 when a generation was tried and fell short.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

from deploy.servers import machine

# A bounded selection: whatever speaks to a server, without the browser and without whole centers.
SELECTED = (
    "tests/libs/test_relay_and_listener.py",
    "tests/libs/test_shared_commits.py",
    "tests/deploy/test_servers.py",
    "tests/deploy/test_databases.py",
    "tests/deploy/test_broker_rights.py",
    "tests/deploy/test_healer_process.py",
    "tests/contracts/test_broker_definitions.py",
    "tests/services/fee/test_charging.py",
    "tests/services/fee/test_ledger_walls.py",
    "tests/services/intake/test_deeds.py",
    "tests/services/review/test_review_events.py",
    "tests/services/supervision/test_watching.py",
    "tests/services/disclosure/test_with_broker.py",
)
RABBITMQ, POSTGRES_17, POSTGRES_18 = "rabbitmq:4.3-management", "postgres:17-bookworm", "postgres:18-trixie"


def _generations() -> list[tuple[str, dict[str, str], list[str]]]:
    """Name, environment and needed images of every generation."""
    containers = {"TESTCONTAINERS_RYUK_DISABLED": "true"}
    return [
        ("the machine's own servers", {"ONEWINDOW_ENGINE": "none"}, []),
        (
            f"{RABBITMQ}, {POSTGRES_17}",
            {**containers, "ONEWINDOW_RABBITMQ_IMAGE": RABBITMQ, "ONEWINDOW_POSTGRES_IMAGE": POSTGRES_17},
            [RABBITMQ, POSTGRES_17],
        ),
        (
            f"{RABBITMQ}, {POSTGRES_18}",
            {**containers, "ONEWINDOW_RABBITMQ_IMAGE": RABBITMQ, "ONEWINDOW_POSTGRES_IMAGE": POSTGRES_18},
            [RABBITMQ, POSTGRES_18],
        ),
    ]


def main(arguments: list[str]) -> int:
    """Run the selection (or the tests named) on every generation that can be had."""
    tests = arguments or [*SELECTED]
    lines, status = [], 0
    for name, env, images in _generations():
        lacking = [image for image in images if not (machine.has_image(image) or machine.pull(image))]
        if lacking:
            why = "no container engine answers" if machine.engine() is None else f"no {', '.join(lacking)}"
            lines.append(f"skipped     {name}: {why}")
            continue
        print(f"== {name}", flush=True)
        begun = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", *tests], env={**os.environ, **env}, check=False
        )
        status = status or done.returncode
        word = "green" if done.returncode == 0 else "fell short"
        lines.append(f"{word:<11} {name} ({time.monotonic() - begun:.0f} s)")
    print("\n".join(lines))
    return 1 if status else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
