"""The tables of disclosure: what is published and the log that proves it can only grow."""

from __future__ import annotations

from datetime import date
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict
from sqlalchemy.dialects.postgresql import JSONB

from libs.records import Records, metadata
from services.disclosure.domain.merkle import Frontier

METADATA = metadata()


class LogState(BaseModel):
    """The one row every append locks: the frontier, and the last size and root that were signed."""

    model_config = ConfigDict(frozen=True)

    name: str = "log"
    size: int = 0
    peaks: list[str] = []
    signed_size: int = 0
    signed_root: str | None = None

    def frontier(self) -> Frontier:
        """The frontier as the tree room works with it."""
        return Frontier(self.size, tuple(bytes.fromhex(peak) for peak in self.peaks))


class Latest(BaseModel):
    """The newest version of one publication; what older cases need stays in ``publications``."""

    model_config = ConfigDict(frozen=True)

    kind: str
    code: str
    version: int
    in_force_from: date
    content: dict[str, Any]


LOG: Records[LogState] = Records("log_state", LogState, key=("name",), metadata=METADATA, remembers=1)
LATEST: Records[Latest] = Records("latest_publications", Latest, key=("kind", "code"), metadata=METADATA)

PUBLICATIONS = sa.Table(
    "publications",
    METADATA,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("in_force_from", sa.Date, nullable=False),
    sa.Column("published_at", sa.TIMESTAMP(timezone=True), nullable=False),
    sa.Column("published_by", sa.Text, nullable=False),
    sa.Column("content", JSONB, nullable=False),
    sa.Column("words", sa.Text, nullable=False),
    sa.Column("leaf_index", sa.BigInteger, nullable=False, unique=True),
)
LEAVES = sa.Table(
    "leaves",
    METADATA,
    sa.Column("leaf_index", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("leaf_hash", sa.Text, nullable=False),
    sa.Column("record_kind", sa.Text, nullable=False),
    sa.Column("leaf", sa.Text, nullable=False),
    sa.Column("words", sa.Text, nullable=False),
    sa.Column("item_code", sa.Text),
    sa.Column("document_sha256", sa.Text),
    sa.Column("recorded_at", sa.TIMESTAMP(timezone=True), nullable=False),
    # Never shown: which event and which case a leaf was written for.
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("event_source", sa.Text, nullable=False),
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("event_type", sa.Text, nullable=False),
    sa.UniqueConstraint("event_source", "event_id", name="one_leaf_per_event"),
    sa.Index("leaves_by_kind", "record_kind", "leaf_index"),
    sa.Index("leaves_by_document", "document_sha256"),
)
# The salt of a refusal's commitment lives apart: without it the commitment says nothing to anyone.
LEAF_SALTS = sa.Table(
    "leaf_salts",
    METADATA,
    sa.Column("leaf_index", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("salt", sa.Text, nullable=False),
)
LOG_NODES = sa.Table(
    "log_nodes",
    METADATA,
    sa.Column("level", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("hash", sa.Text, nullable=False),
)
CHECKPOINTS = sa.Table(
    "checkpoints",
    METADATA,
    sa.Column("tree_size", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("root", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("signed_at", sa.TIMESTAMP(timezone=True), nullable=False),
)
