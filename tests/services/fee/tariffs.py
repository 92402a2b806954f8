"""Tariffs for the tests: the three shipped ones, and small ones made for a rule."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from services.fee.domain.tariffs import Tariff

SHIPPED = sorted((Path(__file__).parents[3] / "deploy" / "catalogue" / "tariffs").glob("*.yaml"))
PUBLISHED_AT = datetime(2026, 1, 4, 16, 30, tzinfo=UTC)  # 5 January, half past midnight in Shanghai


@cache
def _read(name: str) -> dict[str, Any]:
    path = next(path for path in SHIPPED if path.stem == name)
    data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return data


def document(name: str, **changes: Any) -> dict[str, Any]:
    """The event data of a shipped tariff's publication."""
    data = deepcopy(_read(name))
    for key in ("in_force_from", "in_force_until"):
        data[key] = data[key] and data[key].isoformat()
    data["source"]["seen_on"] = data["source"]["seen_on"].isoformat()
    return {**data, "published_at": "2026-01-04T16:30:00Z", **changes}


def shipped(name: str, **changes: Any) -> Tariff:
    """A shipped tariff as fee hears it."""
    return _plain(name) if not changes else _changed(name, changes)


@cache
def _plain(name: str) -> Tariff:
    return Tariff.model_validate(document(name))


def _changed(name: str, changes: dict[str, Any]) -> Tariff:
    return Tariff.model_validate(document(name, **changes))


def chengdu(**changes: Any) -> Tariff:
    """Zones, uses and periods: the richest of the three."""
    return shipped("road-occupation-chengdu-hitech", **changes)


def small(**changes: Any) -> Tariff:
    """One band, two rising tiers over days, area × days."""
    return Tariff.model_validate(
        {
            "tariff_code": "small",
            "version": 1,
            "name": {"zh": "小", "en": "small"},
            "charge_kind": "road_occupation",
            "basis": [{"rank": "law", "document": "某法", "article": "1"}],
            "in_force_from": "2026-01-01",
            "in_force_until": None,
            "unit": "m2_day",
            "inputs": [{"code": "area_m2", "type": "decimal"}, {"code": "days", "type": "integer"}],
            "bands": [
                {"when": None, "tiers": [{"up_to": "10", "rate": "1.00"}, {"up_to": None, "rate": "2.00"}]}
            ],
            "tier_by": "days",
            "tier_mode": "flat",
            "quantity": ["area_m2", "days"],
            "minimum_fen": 0,
            "part_unit": {},
            "rounding": "half_up_fen_per_line",
            "exemptions": [],
            "subject_code": "sample-road-occupation",
            "payee": "treasury",
            "published_at": "2026-01-04T16:30:00Z",
            **changes,
        }
    )
