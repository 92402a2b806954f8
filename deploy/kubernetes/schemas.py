"""Strict schemas: Kubernetes' own by kubernetes-validate, custom resources by what their definitions say.

``crds/`` holds the definitions of others (its README says whose), condensed to the members our objects use. A
member that is not in there is refused: it is misspelt, or used for the first time, and then it is condensed again
from the operators' own files: ``python -m deploy.kubernetes condense FOLDER``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from referencing import Registry, Resource

from deploy.kubernetes.kustomize import Object, named

CONDENSED = Path(__file__).with_name("crds")
KUBERNETES = "1.33"  # the oldest that is supported for everything used here
_KEPT = (
    "type", "enum", "pattern", "format", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems",
    "required", "nullable", "anyOf", "oneOf", "allOf", "not", "x-kubernetes-int-or-string",
    "x-kubernetes-preserve-unknown-fields",
)  # fmt: skip
Schema = dict[str, Any]
# Members that rules may use one day, although none does now: a new alert shall not need this folder again.
EXAMPLES: tuple[Object, ...] = (
    {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "example"},
        "spec": {
            "groups": [
                {
                    "name": "n", "interval": "15s", "limit": 1, "labels": {"l": "v"}, "query_offset": "1m",
                    "rules": [
                        {
                            "record": "r", "alert": "a", "expr": "1", "for": "1m", "keep_firing_for": "1m",
                            "labels": {"l": "v"}, "annotations": {"l": "v"},
                        }
                    ],
                }
            ]
        },
    },
)  # fmt: skip


class NoSchema(Exception):
    """A kind that nobody describes is not valid, however well it looks."""


def is_custom(each: Object) -> bool:
    """Whether an operator, not Kubernetes itself, defines this kind."""
    group = str(each["apiVersion"]).rpartition("/")[0]
    return ("." in group and not group.endswith(".k8s.io")) or group == "gateway.networking.k8s.io"


def faults(objects: Iterable[Object], custom: Mapping[str, Schema]) -> list[str]:
    """What is wrong with the objects; ``custom`` holds the schemas of custom kinds by apiVersion and kind."""
    found = []
    for each in objects:
        wrong = _custom_fault(each, custom) if is_custom(each) else _own_fault(each)
        if wrong:
            found.append(f"{named(each)}: {wrong}")
    return found


def _own_fault(each: Object) -> str | None:
    wrong = best_match(_validator(str(each["apiVersion"]), str(each["kind"])).iter_errors(each))
    return _told(wrong)


@cache
def _validator(api_version: str, kind: str) -> Draft202012Validator:
    """As ``kubernetes_validate.validate(strict=True)``, which reads its large files again for every object."""
    from kubernetes_validate import utils

    found = [each for each in utils.all_versions() if utils.major_minor(each) == KUBERNETES]
    folder = f"kubernetes-json-schema/v{found[-1]}-local-strict"
    name = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api_version)
    try:
        schema = utils.schema_contents(f"{folder}/{kind.lower()}-{name}.json", KUBERNETES)
    except FileNotFoundError:
        raise NoSchema(f"Kubernetes {KUBERNETES} knows no {kind} of {api_version}") from None
    return Draft202012Validator(schema, registry=_common() @ Registry())


@cache
def _common() -> Resource[Any]:
    from kubernetes_validate import utils

    found = [each for each in utils.all_versions() if utils.major_minor(each) == KUBERNETES]
    told = utils.schema_contents(
        f"kubernetes-json-schema/v{found[-1]}-local-strict/_definitions.json", KUBERNETES
    )
    return Resource.from_contents(told)


def _told(wrong: ValidationError | None) -> str | None:
    if wrong is None:
        return None
    return f"{'.'.join(str(part) for part in wrong.absolute_path)}: {wrong.message}"


def _custom_fault(each: Object, custom: Mapping[str, Schema]) -> str | None:
    key = f"{each['apiVersion']}/{each['kind']}"
    if key not in custom:
        raise NoSchema(f"{named(each)}: {key} has no schema here")
    return _told(best_match(Draft202012Validator(custom[key]).iter_errors(each)))


@cache
def condensed() -> dict[str, Schema]:
    """The schemas of ``crds/``."""
    return {
        told["of"]: strict(told["schema"])
        for path in sorted(CONDENSED.glob("*.json"))
        for told in [json.loads(path.read_text(encoding="utf-8"))]
    }


def definitions(folder: Path) -> dict[str, Schema]:
    """Every schema of the CustomResourceDefinitions below a folder, as its operator wrote it."""
    found = {}
    for path in sorted(folder.rglob("*.yaml")):
        for told in yaml.load_all(
            path.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        ):
            for version in told["spec"]["versions"] if told else ():
                key = f"{told['spec']['group']}/{version['name']}/{told['spec']['names']['kind']}"
                found[key] = version["schema"]["openAPIV3Schema"]
    return found


def condense(schema: Schema, values: Sequence[Any]) -> Schema:
    """The part of a schema that speaks of these values."""
    kept = {name: _without_words(schema[name]) for name in _KEPT if name in schema}
    members: dict[str, list[Any]] = {}
    for value in values:
        for name, inner in value.items() if isinstance(value, dict) else ():
            members.setdefault(name, []).append(inner)
    known = schema.get("properties", {})
    if known:
        kept["properties"] = {
            name: condense(known[name], inner) for name, inner in sorted(members.items()) if name in known
        }
    if isinstance(schema.get("additionalProperties"), dict):
        inner = [value for values in members.values() for value in values]
        kept["additionalProperties"] = condense(schema["additionalProperties"], inner)
    if "items" in schema:
        items = [each for value in values if isinstance(value, list) for each in value]
        kept["items"] = condense(schema["items"], items)
    return kept


def _without_words(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _without_words(inner)
            for name, inner in value.items()
            if name not in ("description", "default")
        }
    return [_without_words(each) for each in value] if isinstance(value, list) else value


def strict(schema: Schema, *, top: bool = True) -> Schema:
    """As Kubernetes reads it: what is not named is refused, numbers may be texts where it says so."""
    made = dict(schema)
    if made.pop("x-kubernetes-int-or-string", False):
        made["type"] = ["integer", "string"]
    if made.pop("nullable", False) and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    open_ended = made.pop("x-kubernetes-preserve-unknown-fields", False)
    if "properties" in made:
        made["properties"] = {name: strict(inner, top=False) for name, inner in made["properties"].items()}
        if top:
            made["properties"] |= {"metadata": {"type": "object"}, "apiVersion": {}, "kind": {}}
        if not open_ended:
            made.setdefault("additionalProperties", False)
    if isinstance(made.get("additionalProperties"), dict):
        made["additionalProperties"] = strict(made["additionalProperties"], top=False)
    if "items" in made:
        made["items"] = strict(made["items"], top=False)
    return made


def write_condensed(folder: Path, objects: Iterable[Object]) -> list[Path]:
    """Condense the definitions below ``folder`` for these objects; NoSchema when one is not described there."""
    known = definitions(folder)
    used: dict[str, list[Object]] = {}
    for each in objects:
        if is_custom(each):
            used.setdefault(f"{each['apiVersion']}/{each['kind']}", []).append(each)
    CONDENSED.mkdir(exist_ok=True)
    written = []
    for key, examples in sorted(used.items()):
        if key not in known:
            raise NoSchema(f"{key} is not described below {folder}")
        group, _, kind = key.split("/")
        path = CONDENSED / f"{group}.{kind}.json"
        told = {"of": key, "schema": condense(known[key], examples)}
        path.write_text(json.dumps(told, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        written.append(path)
    return written
