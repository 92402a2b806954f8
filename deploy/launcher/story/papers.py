"""The materials of the story: which an application needs, which one is forgotten, and their upload."""

from __future__ import annotations

import hashlib
from typing import Any

from deploy.launcher.story.cast import Cast
from libs.conditions import holds


def _pdf(text: str) -> bytes:
    return f"%PDF-1.4\n% {text}\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n".encode()


def needed_materials(item: dict[str, Any], facts: dict[str, Any]) -> list[str]:
    """The codes of the materials that these facts ask for, as the published item says."""
    return [
        material["code"]
        for material in item["materials"]
        if material["required"] or (material["required_when"] and holds(material["required_when"], facts))
    ]


def forgotten(item: dict[str, Any], facts: dict[str, Any]) -> tuple[str, str]:
    """(material, department that checks it): what an applicant who will be corrected leaves out."""
    checkers = {material["code"]: material["checked_by"] for material in item["materials"]}
    codes = [code for code in needed_materials(item, facts) if checkers[code] != "intake"]
    return codes[-1], checkers[codes[-1]]


async def upload(cast: Cast, person: str, number: int, code: str) -> dict[str, Any]:
    """Upload one material of an application; how intake names it."""
    content = _pdf(f"{number} {code}")
    url = f"{cast.site('intake')}/api/materials"
    stored = await cast.act(person, url, raw=(content, "application/pdf"))
    if stored["sha256"] != hashlib.sha256(content).hexdigest():
        raise AssertionError(f"intake stored something else than {code} of application {number}")
    return {"code": code, "sha256": stored["sha256"], "name": f"{code}.pdf"}
