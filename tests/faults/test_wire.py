"""Whatever comes over the wire, reading it never raises, and what is read can be stored."""

from __future__ import annotations

import json
from typing import Any

import pytest

from libs.envelope import BATCH_CONTENT_TYPE, Bad, Event, decode

GOOD = {
    "id": "i", "type": "t", "source": "s", "time": "2026-01-05T01:00:00Z", "subject": "x", "data": {},
}  # fmt: skip
STRANGE: dict[str, dict[str, Any]] = {
    "a time after the last": {"time": "9999-12-31T23:59:59-23:00"},
    "a time before the first": {"time": "0001-01-01T00:00:00+23:00"},
    "half a character in the id": {"id": "\ud800"},
    "half a character in the type": {"type": "\udfff"},
    "half a character in the data": {"data": {"deep": [{"er": "a\ud800b"}]}},
    "half a character as a name": {"data": {"\ud800": 1}},
    "a NUL in the id": {"id": "a\x00"},
    "no subject": {"subject": ""},
    "a number for a time": {"time": 7},
    "data that is no object": {"data": []},
    "a long id": {"id": "x" * 201},
}


@pytest.mark.parametrize("name", STRANGE)
def test_one_strange_event_is_told_apart_from_its_neighbours(name: str) -> None:
    body = json.dumps([GOOD, {**GOOD, **STRANGE[name]}, {**GOOD, "subject": "\N{GRINNING FACE}"}]).encode()
    first, strange, last = decode(body, BATCH_CONTENT_TYPE)
    assert isinstance(first, Event)
    assert isinstance(strange, Bad)
    assert isinstance(last, Event)
    (strange.body + strange.reason).encode()


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"{}", b"[1,2]", b"[" * 90_000, b'[{"id":' + b"9" * 9000 + b"}]"]
)
def test_what_is_no_batch_is_kept_as_text(body: bytes) -> None:
    kept = decode(body, BATCH_CONTENT_TYPE)
    assert kept
    assert all(isinstance(each, Bad) for each in kept)
    "".join(each.body + each.reason for each in kept if isinstance(each, Bad)).encode()
