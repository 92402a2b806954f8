"""Appends leaves and signs the head: one locked row, so one appender, and one checkpoint a commit."""

from __future__ import annotations

from typing import Any

from libs.envelope import Event
from libs.work import Work
from services.disclosure.domain import merkle, notes
from services.disclosure.domain.leaves import Leaf
from services.disclosure.messages import OfEvent, RecordPublished
from services.disclosure.storage.queries import NODES, UNSIGNED_LEAVES, node_params
from services.disclosure.storage.tables import CHECKPOINTS, LEAVES, LOG, LOG_NODES, LogState

LOG_KEY = "log"


class LogForked(Exception):
    """The stored log is not an extension of what was signed: nothing is signed until a person has looked."""

    code = "log_forked"


async def append_leaf(work: Work, leaf: Leaf, of_event: Event) -> int:
    """Append one leaf for ``of_event``; its index. The checkpoint follows when the commit is settled."""
    state = await work.get(LOG, LOG_KEY) or LogState()
    hashed = merkle.leaf_hash(leaf.text.encode())
    frontier, full = state.frontier().append(hashed)
    work.add(
        LEAVES,
        leaf_index=state.size,
        leaf_hash=hashed.hex(),
        record_kind=leaf.record_kind,
        leaf=leaf.text,
        words=leaf.words,
        item_code=leaf.item_code,
        document_sha256=leaf.document_sha256,
        recorded_at=work.now,
        subject=of_event.subject,
        event_source=of_event.source,
        event_id=of_event.id,
        event_type=of_event.type,
    )
    for (level, position), node in full:
        work.add(LOG_NODES, level=level, position=position, hash=node.hex())
    peaks = [peak.hex() for peak in frontier.peaks]
    work.put(LOG, state.model_copy(update={"size": frontier.size, "peaks": peaks}))
    work.touch(of_event.subject)
    return state.size


async def settle_log(work: Work, subjects: list[str]) -> None:
    """Sign one checkpoint over all leaves of this commit, and say each with its proof under it."""
    state = await work.get(LOG, LOG_KEY)
    if state is None or state.size == state.signed_size:
        return
    leaves = await work.rows(UNSIGNED_LEAVES, first=state.signed_size)
    if [row.leaf_index for row in leaves] != list(range(state.signed_size, state.size)):
        raise LogForked(f"{len(leaves)} leaves from {state.signed_size} on, {state.size} counted")
    growth = merkle.consistency_spans(state.signed_size, state.size)
    paths = {row.leaf_index: merkle.inclusion_spans(row.leaf_index, state.size) for row in leaves}
    wanted = {place for spans in [growth, *paths.values()] for place in merkle.places(spans)}
    found = await work.rows(NODES, **node_params(sorted(wanted)))
    nodes = {(row.level, row.position): bytes.fromhex(row.hash) for row in found}
    _require_growth(state, growth, nodes)
    root = state.frontier().root
    note = _sign(work, state, root)
    roots: dict[tuple[int, int], bytes] = {}  # neighbours have most of their paths in common
    for row in leaves:
        for span in paths[row.leaf_index]:
            if span not in roots:
                roots[span] = merkle.root_of(*span, nodes.__getitem__)
        path = [roots[span] for span in paths[row.leaf_index]]
        if not merkle.includes(bytes.fromhex(row.leaf_hash), row.leaf_index, state.size, path, root):
            raise LogForked(f"leaf {row.leaf_index} is not under the root of {state.size} leaves")
        _say(work, row, state.size, note, [each.hex() for each in path])


def _require_growth(state: LogState, growth: list[tuple[int, int]], nodes: dict[merkle.Place, bytes]) -> None:
    """C2SP: a log must not sign a checkpoint inconsistent with any it signed before."""
    try:
        path = merkle.proof(growth, nodes.__getitem__)
    except KeyError as missing:
        raise LogForked(f"node {missing} is missing") from None
    signed = bytes.fromhex(state.signed_root) if state.signed_root else merkle.EMPTY_ROOT
    if not merkle.extends(state.signed_size, signed, state.size, state.frontier().root, path):
        raise LogForked(f"{state.size} leaves do not extend the {state.signed_size} that were signed")


def _sign(work: Work, state: LogState, root: bytes) -> str:
    checkpoint = notes.Checkpoint(work.settings.log_origin, state.size, root)
    note = notes.sign(checkpoint, work.settings.log_key)
    work.add(CHECKPOINTS, tree_size=state.size, root=root.hex(), note=note, signed_at=work.now)
    work.put(LOG, state.model_copy(update={"signed_size": state.size, "signed_root": root.hex()}))
    return note


def _say(work: Work, row: Any, size: int, note: str, proof: list[str]) -> None:
    work.cause = row.event_id
    said = RecordPublished(
        leaf_index=row.leaf_index,
        leaf_hash=row.leaf_hash,
        record_kind=row.record_kind,
        of_event=OfEvent(source=row.event_source, id=row.event_id, type=row.event_type),
        document_sha256=row.document_sha256,
        tree_size=size,
        checkpoint=note,
        proof=proof,
    )
    work.say("disclosure.record_published.v1", row.subject, said)
