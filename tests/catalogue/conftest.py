"""The shipped catalogue as documents, and the world it is published into."""

from __future__ import annotations

import copy
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.disclosure.domain.breaches import Published
from services.disclosure.domain.documents import ServiceItem, Tariff

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "deploy" / "catalogue"
DEPARTMENTS = frozenset(path.stem for path in (ROOT / "deploy" / "departments").glob("*.yaml"))
TODAY = date(2026, 1, 5)


def shipped(folder: str) -> list[dict[str, Any]]:
    """The documents of one folder of the catalogue, as plain data that a test may bend."""
    return copy.deepcopy(_read(folder))


@cache
def _read(folder: str) -> list[dict[str, Any]]:
    files = sorted((CATALOGUE / folder).glob("*.yaml"))
    return [yaml.safe_load(path.read_text(encoding="utf-8")) for path in files]


def item(code: str) -> dict[str, Any]:
    """One shipped item as plain data, to be bent."""
    return next(each for each in shipped("items") if each["item_code"] == code)


def tariffs() -> dict[str, Tariff]:
    """The shipped tariffs."""
    return {each["tariff_code"]: Tariff.model_validate(each) for each in shipped("tariffs")}


@pytest.fixture
def published() -> Published:
    """Nothing but the tariffs is published yet."""
    return Published(TODAY, DEPARTMENTS, tariffs())


def items() -> list[ServiceItem]:
    """The shipped items."""
    return [ServiceItem.model_validate(each) for each in shipped("items")]
