"""``python -m deploy.grafana write``: the dashboards as Grafana's JSON. ``check``: status 1 if they differ."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from deploy.grafana.business import business, department
from deploy.grafana.duty import duty

FOLDER = Path(__file__).parent / "dashboards"


def written() -> dict[Path, str]:
    """Every dashboard's file and its text."""
    found = {"duty": duty(), "center": business(), "department": department()}
    return {
        FOLDER / f"{name}.json": json.dumps(told, ensure_ascii=False, indent=1) + "\n"
        for name, told in found.items()
    }


def main(arguments: list[str]) -> int:
    """Write the files, or name those that differ."""
    match arguments:
        case ["write"]:
            for path, text in written().items():
                path.write_text(text, encoding="utf-8")
            return 0
        case ["check"]:
            differing = [path for path, text in written().items() if path.read_text(encoding="utf-8") != text]
            for path in differing:
                print(f"{path} is not what python -m deploy.grafana write makes")
            return 1 if differing else 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
