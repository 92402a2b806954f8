"""Tables and named queries of disclosure; the only SQL of the service.

Tables (``tables``): publications, leaves, leaf_salts, log_nodes, checkpoints (append-only, by grant and by
trigger), and two records: LOG (the frontier of the log) and LATEST (the newest version of each publication).

Named queries for readers (``queries``; each takes an AsyncConnection and returns plain dicts or None):

catalogue
    find_items(reader, day, *, q="", life_event=None, page=1, size=50) -> Found   items in force
    item_on(reader, code, day) / item_version(reader, code, version)           one item document
    versions(reader, kind, code) -> list of {version, in_force_from, published_at, leaf_index}
    publications_on(reader, kind, day) -> list of documents in force           tariffs, rules, calendars
    publication_on(reader, kind, code, day) / publication_version(reader, kind, code, version)
records
    find_records(reader, *, q="", kind=None, page=1, size=50) -> Found            newest first
    record(reader, index) -> one leaf with its proof under the newest checkpoint (a receipt)
    record_counts(reader) -> {record_kind: number}
    leaf_of_document(reader, document_sha256) -> index | None                  a paper's record
log
    newest_checkpoint(reader) -> {tree_size, root, note, signed_at} | None
    entries(reader, start, end) -> list of leaf texts
    inclusion(reader, index, size) -> list of hex hashes
    consistency(reader, older, newer) -> list of hex hashes

``Found`` holds rows, total, page and pages. A document is the content as published (published_at included).
"""

from services.disclosure.storage.queries import (
    Found,
    consistency,
    entries,
    find_items,
    find_records,
    inclusion,
    item_on,
    item_version,
    leaf_of_document,
    newest_checkpoint,
    publication_on,
    publication_version,
    publications_on,
    record,
    record_counts,
    versions,
)
from services.disclosure.storage.tables import (
    CHECKPOINTS,
    LATEST,
    LEAF_SALTS,
    LEAVES,
    LOG,
    LOG_NODES,
    METADATA,
    PUBLICATIONS,
    Latest,
    LogState,
)

__all__ = [
    "CHECKPOINTS",
    "LATEST",
    "LEAF_SALTS",
    "LEAVES",
    "LOG",
    "LOG_NODES",
    "METADATA",
    "PUBLICATIONS",
    "Found",
    "Latest",
    "LogState",
    "consistency",
    "entries",
    "find_items",
    "find_records",
    "inclusion",
    "item_on",
    "item_version",
    "leaf_of_document",
    "newest_checkpoint",
    "publication_on",
    "publication_version",
    "publications_on",
    "record",
    "record_counts",
    "versions",
]
