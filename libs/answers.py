"""Answers to commands, kept under the client's own key: the same key gives the same bytes and one effect."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from libs.statements import Statement

Identity = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answered command: who asked under which key, the hash of what was asked, and the answer's bytes."""

    actor: str
    client_key: str
    request_sha256: str
    status: int
    body: str
    subject: str | None = None


def answers_table(metadata: sa.MetaData) -> sa.Table:
    """Declare `answers` (append-only)."""
    return sa.Table(
        "answers",
        metadata,
        sa.Column("actor", sa.Text, primary_key=True),
        sa.Column("client_key", sa.Text, primary_key=True),
        sa.Column("request_sha256", sa.Text, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("subject", sa.Text),
        sa.Column(
            "answered_at",
            sa.TIMESTAMP(timezone=True),
            nullable=False,
            server_default=sa.func.clock_timestamp(),
        ),
    )


_FIELDS = ("actor", "client_key", "request_sha256", "status", "body", "subject")
_FIND = """
SELECT a.actor, a.client_key, a.request_sha256, a.status, a.body, a.subject
FROM answers a JOIN unnest($1::text[], $2::text[]) AS n(actor, client_key)
ON a.actor = n.actor AND a.client_key = n.client_key
"""
_WRITE = """
INSERT INTO answers (actor, client_key, request_sha256, status, body, subject)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::text[], $6::text[])
"""


def finding(identities: Sequence[Identity]) -> Statement:
    """Gives the answers already given under these (actor, client key) pairs, as `found` reads them."""
    return Statement(_FIND, ([actor for actor, _ in identities], [key for _, key in identities]))


def found(rows: Iterable[Any]) -> dict[Identity, Answer]:
    """Answers by (actor, client key), from the rows of `finding`."""
    return {(row[0], row[1]): Answer(*tuple(row)) for row in rows}


def writing(given: Sequence[Answer]) -> Statement:
    """Stores answers with their effects; an existing key is an IntegrityError and rolls the effect back."""
    return Statement(_WRITE, tuple([getattr(answer, name) for answer in given] for name in _FIELDS))
