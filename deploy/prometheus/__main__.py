"""``python -m deploy.prometheus write``: the targets of all departments. ``targets fire water``: of some, printed."""

from __future__ import annotations

import sys

from deploy.prometheus.targets import CENTER, all_departments, written


def main(arguments: list[str]) -> int:
    """Write or print the targets; status 2 when asked for something else."""
    match arguments:
        case ["write"]:
            CENTER.write_text(written(all_departments()), encoding="utf-8")
        case ["targets", *departments]:
            print(written(departments or all_departments()), end="")
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
