"""Checks the center's public log with nothing of the center's: Python's own library and `cryptography`.

verify.py audit URL PUBLICKEY [SAVED_CHECKPOINT]   rebuild the whole log's root; compare with a saved head
verify.py receipt FILE PUBLICKEY                   check a downloaded record {leaf, index, proof, checkpoint}
PUBLICKEY is the log's verifier key (name+id+base64) or the base64 of its 32 bytes.
"""

import base64
import hashlib
import json
import sys
from pathlib import Path
from urllib.request import urlopen

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def require(holds: bool, otherwise: str) -> None:
    if not holds:
        sys.exit(f"NOT VERIFIED: {otherwise}")


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def root_of(hashes: list[bytes]) -> bytes:
    if len(hashes) < 2:
        return hashes[0] if hashes else sha256()
    split = 1 << ((len(hashes) - 1).bit_length() - 1)
    return sha256(b"\x01", root_of(hashes[:split]), root_of(hashes[split:]))


def root_by_proof(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes:
    require(bool(proof) == (size > 1), "the proof has the wrong length")
    if size == 1:
        return leaf
    split = 1 << ((size - 1).bit_length() - 1)
    if index < split:
        return sha256(b"\x01", root_by_proof(leaf, index, split, proof[:-1]), proof[-1])
    return sha256(b"\x01", proof[-1], root_by_proof(leaf, index - split, size - split, proof[:-1]))


def open_checkpoint(note: str, key: str) -> tuple[int, bytes]:
    text, _, signatures = note.partition("\n\n")
    (origin, size, root), (mark, name, signature) = text.split("\n"), signatures.split("\n")[0].split(" ")
    require(mark == "—" and name == origin, "the first signature is not the log's")
    raw = base64.b64decode(key.strip().split("+", 2)[-1] if key.startswith(origin + "+") else key)[-32:]
    Ed25519PublicKey.from_public_bytes(raw).verify(base64.b64decode(signature)[4:], f"{text}\n".encode())
    return int(size), base64.b64decode(root)


def audit(url: str, key: str, saved: str | None = None) -> str:
    size, root = open_checkpoint(urlopen(f"{url}/log/checkpoint", timeout=30).read().decode(), key)
    leaves: list[str] = []
    while len(leaves) < size:
        page = json.load(urlopen(f"{url}/log/entries?start={len(leaves)}&end={size}", timeout=30))
        leaves += page["entries"] or sys.exit("NOT VERIFIED: entries are missing")
    hashes = [sha256(b"\x00", leaf.encode()) for leaf in leaves]
    require(root_of(hashes) == root, "the entries do not give the signed root")
    old_size, old_root = open_checkpoint(Path(saved).read_text("utf-8"), key) if saved else (size, root)
    require(old_size <= size and root_of(hashes[:old_size]) == old_root, "the log was rewritten since then")
    return f"{size} entries, root {root.hex()}"


def receipt(file: str, key: str) -> str:
    paper = json.loads(Path(file).read_text("utf-8"))
    (size, root), index = open_checkpoint(paper["checkpoint"], key), int(paper["index"])
    leaf, proof = sha256(b"\x00", paper["leaf"].encode()), [bytes.fromhex(each) for each in paper["proof"]]
    require(0 <= index < size and root_by_proof(leaf, index, size, proof) == root, "not in the signed log")
    return f"entry {index} of {size} says {paper['leaf']}"


if __name__ == "__main__":
    try:
        print("verified:", (audit if sys.argv[1] == "audit" else receipt)(*sys.argv[2:]))
    except Exception as failed:
        sys.exit(f"NOT VERIFIED: {type(failed).__name__}: {failed}")
