"""``python -m deploy.compose write|check``: the generated part of compose's file, or whether it is out of date.

``python -m deploy.compose secrets``: passwords, keys, certificates and configuration of a center in containers, kept
where there are some (ONEWINDOW_STATE, else .compose). ``… audit`` judges a running one, ``… prove`` is make
test-compose.
"""

from __future__ import annotations

import sys
from pathlib import Path

from deploy.compose.departments_file import departments_file
from deploy.compose.project import Project

FILE = Path(__file__).with_name("departments.yml")


def main(arguments: list[str]) -> int:
    """The command line; returns its status."""
    match arguments:
        case ["write"]:
            FILE.write_text(departments_file(), encoding="utf-8")
        case ["check"]:
            if not FILE.exists() or FILE.read_text(encoding="utf-8") != departments_file():
                print(f"out of date: {FILE}")
                return 1
        case ["secrets"]:
            project = Project.told()
            project.secrets().make()
            print(
                f"{project.state} holds what this center alone may know; nothing of it belongs into a repository"
            )
        case ["demo", *rest]:
            from deploy.compose.story import demo

            return demo("--once" in rest)
        case ["prove"]:
            from deploy.compose.proof import prove

            return prove()
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
