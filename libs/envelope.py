"""Knows the wire: one CloudEvent per fact, many of them in one AMQP message (CloudEvents batch format)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any

from pydantic_core import from_json, to_json

BATCH_CONTENT_TYPE = "application/cloudevents-batch+json"
_TEXTS = ("id", "type", "source", "time", "subject")
_REQUIRED = frozenset((*_TEXTS, "data"))
_attributes = itemgetter(*_TEXTS)
_EXTENSIONS = ("causationid", "traceparent", "department")


@lru_cache(256)  # the events of one commit share their instant
def instant(moment: datetime) -> str:
    """An aware instant as UTC text ending in Z, e.g. ``2026-01-05T01:00:00Z``."""
    if moment.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


@lru_cache(256)
def parse_instant(text: str) -> datetime:
    """The aware UTC instant written as ``text``; ValueError when it has no zone or is no instant."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"an instant needs a time zone: {text}")
    return moment.astimezone(UTC)


def new_id() -> str:
    """A random 128-bit identity in hex: event ids, case ids, client keys."""
    return os.urandom(16).hex()


@dataclass(slots=True)  # not frozen: that triples what making one costs, and every delivery makes one
class Event:
    """Something that happened, said once by its owner; nobody changes one. Its identity is (source, id).

    ``time`` is the business instant, ``subject`` the case id (or the thing published), ``department``
    the one department that says it or is told it, ``causationid`` the event it followed from,
    ``traceparent`` the W3C trace context of the deed that said it.
    """

    id: str
    type: str
    source: str
    time: datetime
    subject: str
    data: dict[str, Any]
    causationid: str | None = None
    traceparent: str | None = None
    department: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The CloudEvents 1.0 JSON form, absent extensions left out."""
        cloud: dict[str, Any] = {
            "specversion": "1.0",
            "id": self.id,
            "type": self.type,
            "source": self.source,
            "time": instant(self.time),
            "subject": self.subject,
            "datacontenttype": "application/json",
            "dataschema": f"urn:onewindow:event:{self.type}",
        }
        for name in _EXTENSIONS:
            value = getattr(self, name)
            if value is not None:
                cloud[name] = value
        cloud["data"] = self.data
        return cloud

    def to_json(self) -> str:
        """The exact text that is stored in the outbox and sent."""
        cloud = self.to_dict()
        try:
            return to_json(cloud).decode()  # the same text, in a third of the time
        except ValueError:
            return json.dumps(cloud, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Bad:
    """One element of a message that is no event: kept as text, with the reason, and set aside alone."""

    body: str
    reason: str


def event_from(cloud: Any) -> Event:
    """Read one CloudEvent; ValueError says what is wrong with it."""
    if not isinstance(cloud, dict):
        raise ValueError("an event is a JSON object")
    try:
        event_id, kind, source, time, subject = _attributes(cloud)
        data = cloud["data"]
    except KeyError:
        missing = ", ".join(sorted(_REQUIRED - cloud.keys()))
        raise ValueError(f"attributes missing: {missing}") from None
    for text in (event_id, kind, source, time, subject):
        if type(text) is not str or not 0 < len(text) <= 200 or "\x00" in text:
            _complain(cloud)
    if not isinstance(data, dict):
        raise ValueError("data must be a JSON object")
    cause, trace, department = cloud.get("causationid"), cloud.get("traceparent"), cloud.get("department")
    for extension in (cause, trace, department):
        if extension is not None and not isinstance(extension, str):
            raise ValueError("extensions are text")
    return Event(event_id, kind, source, parse_instant(time), subject, data, cause, trace, department)


def _complain(cloud: dict[str, Any]) -> None:
    """Say which attribute is no good."""
    for name in _TEXTS:
        text = cloud[name]
        if not isinstance(text, str) or not text or len(text) > 200:
            raise ValueError(f"attribute {name} must be text of 1 to 200 characters")
        if "\x00" in text:
            raise ValueError(f"attribute {name} holds a NUL")


def decode(body: bytes, content_type: str | None) -> list[Event | Bad]:
    """The events of one AMQP message. Never raises: what is no event comes back as ``Bad``."""
    try:
        if (content_type or "").split(";")[0].strip() != BATCH_CONTENT_TYPE:
            raise ValueError(f"content type {content_type!r} is not {BATCH_CONTENT_TYPE}")
        elements, doubtful = _parsed(body)
        if not isinstance(elements, list):
            raise ValueError("a batch is a JSON list")
    except (ValueError, RecursionError) as broken:
        return [Bad(body.decode("utf-8", "replace").replace("\x00", "�"), f"undecodable message: {broken}")]
    return [_event_or_bad(element, doubtful) for element in elements]


def _parsed(body: bytes) -> tuple[Any, bool]:
    """What the text says, and whether only the lenient reader could read it."""
    try:
        return from_json(body, cache_strings="keys"), False  # hardly a value comes twice
    except ValueError:
        return json.loads(body), True  # half a surrogate pair, for one, spoils its own event only


def _event_or_bad(element: Any, doubtful: bool) -> Event | Bad:
    try:
        event = event_from(element)
        if doubtful:  # half a surrogate pair can be written in JSON, and be stored nowhere
            event.to_json().encode()
        return event
    except (ValueError, TypeError, OverflowError) as broken:
        text = json.dumps(element, ensure_ascii=False).replace("\\u0000", "�")
        return Bad(text.encode("utf-8", "replace").decode(), f"not an event: {broken}")


def batches(texts: Iterable[tuple[int, str]], limit: int) -> Iterator[tuple[list[int], bytes]]:
    """Pack event texts, keyed by a number, into batch bodies of at most ``limit`` bytes each.

    An event larger than the limit is in a body of its own: it cannot be sent, and keeps nobody else from it.
    """
    keys: list[int] = []
    parts: list[bytes] = []
    size = 2
    for key, text in texts:
        part = text.encode()
        if parts and size + len(part) + 1 > limit:
            yield keys, b"[" + b",".join(parts) + b"]"
            keys, parts, size = [], [], 2
        keys.append(key)
        parts.append(part)
        size += len(part) + 1
    if parts:
        yield keys, b"[" + b",".join(parts) + b"]"
