"""What a review process is told from outside: which department it is, beside what every service is told."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from libs.settings import ServiceSettings
from services.review.domain import LocalText


class Department(BaseModel):
    """A department as its file describes it: ``agency`` is the authority whose opinion and decision it is."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    code: str
    name: LocalText
    agency: LocalText


class ReviewSettings(ServiceSettings):
    """``department_file`` makes this process one department and no other; there is no default."""

    department_file: Path

    @cached_property
    def department(self) -> Department:
        """The department of this process; OSError or ValueError when its file cannot be read."""
        return Department.model_validate(yaml.safe_load(self.department_file.read_text(encoding="utf-8")))
