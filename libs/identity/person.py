"""Who somebody is: subject, name, functions, perhaps a department; read from a provider's claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ROLES = frozenset(
    {
        "applicant",
        "agent",
        "window_officer",
        "examiner",
        "department_head",
        "supervisor",
        "finance_officer",
        "catalogue_editor",
        "auditor",
        "payment_channel",
        "system_administrator",
        "healer",
    }
)


@dataclass(frozen=True, slots=True)
class Person:
    """A person (or a program with a function, such as the bank's channel) who has proved who they are."""

    sub: str
    name: str
    roles: frozenset[str]
    department: str | None = None
    language: str = "zh"

    def may(self, role: str) -> bool:
        """Whether the person has this function."""
        return role in self.roles


@dataclass(frozen=True, slots=True)
class ClaimNames:
    """Where a provider puts what we need: dotted paths into its claims (``realm_access.roles``).

    ``role_names`` translates a provider's names of functions into ours; names that are not ours are ignored.
    """

    roles: str = "roles"
    department: str = "department"
    name: str = "name"
    role_names: Mapping[str, str] | None = None


def person_from(claims: Mapping[str, Any], names: ClaimNames) -> Person:
    """The person whom verified claims describe; functions that are not ours give no right."""
    given = _at(claims, names.roles)
    texts = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    translated = names.role_names or {}
    roles = frozenset(translated.get(text, text) for text in texts if isinstance(text, str)) & ROLES
    department = _at(claims, names.department)
    name = _at(claims, names.name)
    locale = claims.get("locale") or _at(claims, "attributes.locale")
    return Person(
        sub=str(claims["sub"]),
        name=name if isinstance(name, str) and name else str(claims["sub"]),
        roles=roles,
        department=department if isinstance(department, str) and department else None,
        language="en" if isinstance(locale, str) and locale.lower().startswith("en") else "zh",
    )


def _at(claims: Mapping[str, Any], path: str) -> Any:
    found: Any = claims.get(path)
    if found is None:
        found = claims
        for part in path.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    return found
