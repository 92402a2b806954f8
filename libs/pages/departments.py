"""Knows how a department is called: its configuration file says so, and no code lists departments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / "deploy" / "departments"


class Departments:
    """Names by department code, read from the folder of department files when a code is first asked for."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._known: dict[str, dict[str, Any]] = {}

    def name(self, code: str) -> dict[str, str]:
        """LocalText of the short name; the code itself where no file names it."""
        found = self._find(code)
        return found.get("name") or {"zh": code, "en": code.replace("_", " ")}

    def agency(self, code: str) -> dict[str, str]:
        """LocalText of the legal name: whose opinion and decision it is."""
        return self._find(code).get("agency") or self.name(code)

    def _find(self, code: str) -> dict[str, Any]:
        if code not in self._known:
            path = self._folder / f"{code}.yaml"
            if not code.isidentifier() or not path.is_file():
                return {}
            self._known[code] = yaml.safe_load(path.read_text("utf-8"))
        return self._known[code]
