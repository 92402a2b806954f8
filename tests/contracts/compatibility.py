"""Whether a schema may replace a released one under the same name: hearers of both ages take events of both ages.

"Closed writer": what a writer says is its schema with nothing unnamed in it, so an added optional member is no
false alarm. New readers must accept old events; old readers must survive new ones.
"""

from __future__ import annotations

import hashlib
import warnings
from typing import Any

from jsonsubschema import isSubschema

_NOTES = ("description", "title", "default", "examples", "$schema", "$id", "format")


def plain(node: Any, *, names: bool = False) -> Any:
    """The schema without notes and empty lists of required members, its references resolved in place."""
    return _plain(node, node.get("$defs", {}), names=names)


def _plain(node: Any, parts: dict[str, Any], *, names: bool = False) -> Any:
    if isinstance(node, list):
        return [_plain(each, parts) for each in node]
    if not isinstance(node, dict):
        return node
    if names:
        return {key: _plain(value, parts) for key, value in node.items()}
    if "$ref" in node:
        return _plain(parts[node["$ref"].removeprefix("#/$defs/")], parts)
    result = {
        key: _plain(value, parts, names=key == "properties")
        for key, value in node.items()
        if key not in (*_NOTES, "$defs") and not (key == "required" and not value)
    }
    return _older_dialect(result)


def _older_dialect(node: dict[str, Any]) -> dict[str, Any]:
    """The comparison reads draft 4: an open bound is a flag beside the bound, a constant a list of one.

    As both directions must hold, a regular expression may not change at all: each becomes a short text of its
    own, which spares the comparison minutes of automata.
    """
    for bound, flag in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if flag in node:
            node[bound], node[flag] = node[flag], True
    if "const" in node:
        node["enum"] = [node.pop("const")]
    if isinstance(node.get("pattern"), str):
        node["pattern"] = _mark(node["pattern"])
    if "patternProperties" in node:
        node["patternProperties"] = {_mark(key): value for key, value in node["patternProperties"].items()}
    return node


def _mark(pattern: str) -> str:
    return f"^p{hashlib.sha256(pattern.encode()).hexdigest()[:8]}$"


def closed(node: Any) -> Any:
    """The schema of what a writer really says: objects hold their named members and nothing else."""
    if isinstance(node, list):
        return [closed(each) for each in node]
    if not isinstance(node, dict):
        return node
    result = {
        key: {name: closed(member) for name, member in value.items()}
        if key == "properties"
        else closed(value)
        for key, value in node.items()
    }
    if "properties" in result and "additionalProperties" not in result:
        result["additionalProperties"] = False
    return result


def _without_what_is_alike(old: Any, new: Any) -> tuple[Any, Any]:
    """Both, with members that did not change as null: they cannot break, and comparing them takes long."""
    if old == new:
        return {"type": "null"}, {"type": "null"}
    if not (isinstance(old, dict) and isinstance(new, dict) and "properties" in old and "properties" in new):
        return old, new
    before, after = dict(old["properties"]), dict(new["properties"])
    for name in before.keys() & after.keys():
        before[name], after[name] = _without_what_is_alike(before[name], after[name])
    return {**old, "properties": before}, {**new, "properties": after}


def breaks(released: dict[str, Any], today: dict[str, Any]) -> list[str]:
    """Why ``today`` may not replace ``released`` under the same event name."""
    old, new = plain(released), plain(today)
    found: list[str] = []
    if old == new:
        return found
    old, new = _without_what_is_alike(old, new)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if not isSubschema(closed(old), new):
            found.append("a new hearer refuses an event said before")
        if not isSubschema(closed(new), old):
            found.append("an old hearer refuses an event said from now on")
    return found
