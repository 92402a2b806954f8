"""What members of the same name look like in every event: numbers, hashes, instants, codes.

The speakers' messages say which members there are; this table says how they are written, once for all of them.
"""

from __future__ import annotations

from typing import Any

HEX_256 = "^[0-9a-f]{64}$"
INSTANT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z$"
CODE = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
DEPARTMENT = "^[a-z][a-z0-9_]{0,39}$"


def _number(letters: str) -> str:
    return f"^{letters}-[0-9]{{4}}-[0-9]{{6,}}$"


TEXTS: dict[str, str] = {
    "application_no": _number("AL"),
    "permit_no": _number("AP"),
    "bill_no": _number("B"),
    "card_no": _number("C"),
    "finding_no": _number("F"),
    "item_code": CODE,
    "tariff_code": CODE,
    "rule_code": CODE,
    "department": DEPARTMENT,
    "lead": DEPARTMENT,
    "sha256": HEX_256,
    "document_sha256": HEX_256,
    "leaf_hash": HEX_256,
    "key_id": "^[0-9a-f]{16}$",
    "signature": "^[A-Za-z0-9+/]{86}==$",
}
ITEMS: dict[str, str] = {"proof": HEX_256, "after": DEPARTMENT}
LEAST: dict[str, int] = {
    "item_version": 1,
    "tariff_version": 1,
    "version": 1,
    "limit_wd": 0,
    "used_wd": 0,
    "amount_fen": 0,
    "total_fen": 0,
    "leaf_index": 0,
    "tree_size": 1,
    "size": 0,
}
_SPOKEN_FOR = ("pattern", "enum", "const")


def tightened(node: Any) -> Any:
    """The schema with the patterns and least values of this table wherever the speaker gave none."""
    if isinstance(node, list):
        return [tightened(each) for each in node]
    if not isinstance(node, dict):
        return node
    result = {key: tightened(value) for key, value in node.items()}
    members = result.get("properties")
    if isinstance(members, dict):
        result["properties"] = {name: _member(name, member) for name, member in members.items()}
    return result


def _member(name: str, member: Any) -> Any:
    if not isinstance(member, dict):
        return member
    if "anyOf" in member:
        return {**member, "anyOf": [_member(name, branch) for branch in member["anyOf"]]}
    kind = member.get("type")
    if kind == "array" and name in ITEMS and isinstance(member.get("items"), dict):
        return {**member, "items": _with_pattern(member["items"], ITEMS[name])}
    if kind == "integer" and name in LEAST and not {"minimum", "exclusiveMinimum", "const"} & member.keys():
        return {**member, "minimum": LEAST[name]}
    if kind == "string" and name in TEXTS:
        return _with_pattern(member, TEXTS[name])
    if kind == "string" and name.endswith("_at"):
        return _with_pattern({**member, "format": "date-time"}, INSTANT)
    return member


def _with_pattern(member: dict[str, Any], pattern: str) -> dict[str, Any]:
    return member if any(key in member for key in _SPOKEN_FOR) else {**member, "pattern": pattern}
