"""A stranger's verifier finds every tampering, with nothing of ours but the public key."""

from __future__ import annotations

import ast
import asyncio
import base64
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.disclosure.domain import merkle
from services.disclosure.domain.notes import Checkpoint, public_bytes, sign, verifier_key
from tests.services.disclosure.house import DisclosureHouse, received

VERIFIER = Path(__file__).resolve().parents[3] / "deploy" / "verify" / "verify.py"
ORIGIN = "onewindow.example/disclosure"
KEY = Ed25519PrivateKey.generate()
PUBLIC = verifier_key(ORIGIN, KEY.public_key())
Receipt = dict[str, Any]


class ServedLog:
    """A log served over HTTP that a test may tamper with."""

    def __init__(self) -> None:
        self.leaves = [f'{{"n":{number}}}' for number in range(13)]
        self.key = KEY
        self.note = self.sign()

    def sign(self) -> str:
        """A good checkpoint over the leaves as they are."""
        frontier = merkle.Frontier()
        for leaf in self.leaves:
            frontier, _ = frontier.append(merkle.leaf_hash(leaf.encode()))
        return sign(Checkpoint(ORIGIN, len(self.leaves), frontier.root), self.key)

    def answer(self, path: str) -> bytes:
        """What the server says."""
        told = urlsplit(path)
        if told.path == "/log/checkpoint":
            return self.note.encode()
        asked = parse_qs(told.query)
        start, end = int(asked["start"][0]), int(asked["end"][0])
        return json.dumps({"start": start, "entries": self.leaves[start : min(end, start + 5)]}).encode()

    def receipt(self, index: int) -> Receipt:
        """A good receipt."""
        nodes: dict[merkle.Place, bytes] = {}
        frontier = merkle.Frontier()
        for leaf in self.leaves:
            frontier, full = frontier.append(merkle.leaf_hash(leaf.encode()))
            nodes.update(full)
        path = merkle.proof(merkle.inclusion_spans(index, frontier.size), nodes.__getitem__)
        return {
            "leaf": self.leaves[index], "index": index, "proof": [each.hex() for each in path],
            "checkpoint": self.note,
        }  # fmt: skip


@pytest.fixture
def served() -> Iterator[tuple[ServedLog, str]]:
    """A served log and its address."""
    log = ServedLog()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = log.answer(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield log, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def verify(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it as a stranger would, optimised so that no assert could hold it together, outside our folders."""
    command = [sys.executable, "-I", "-O", str(VERIFIER), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd="/", check=False, timeout=60)


def test_the_verifier_is_short_and_imports_nothing_of_ours() -> None:
    text = VERIFIER.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 80
    imported = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            imported |= {name.name.partition(".")[0] for name in node.names}
        if isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
        assert not isinstance(node, ast.Assert)
    assert imported - set(sys.stdlib_module_names) == {"cryptography"}


def test_a_good_log_is_verified_also_against_a_saved_head(
    served: tuple[ServedLog, str], tmp_path: Path
) -> None:
    log, url = served
    saved = tmp_path / "saved"
    saved.write_text(log.note)
    log.leaves += [f'{{"n":{number}}}' for number in range(13, 30)]
    log.note = log.sign()
    raw = base64.b64encode(public_bytes(KEY.public_key())).decode()
    for arguments in ([url, PUBLIC], [url, raw], [url, PUBLIC, str(saved)]):
        done = verify("audit", *arguments)
        assert done.returncode == 0, done.stderr
        assert "verified: 30 entries" in done.stdout


def edit(log: ServedLog) -> None:
    log.leaves[4] = '{"n":"edited"}'


def drop(log: ServedLog) -> None:
    del log.leaves[4]


def swap(log: ServedLog) -> None:
    log.leaves[2], log.leaves[3] = log.leaves[3], log.leaves[2]


def insert(log: ServedLog) -> None:
    log.leaves.insert(0, '{"n":"back-dated"}')


def truncate(log: ServedLog) -> None:
    log.leaves.pop()


def foreign_key(log: ServedLog) -> None:
    log.key = Ed25519PrivateKey.generate()
    log.note = log.sign()


def bent_note(log: ServedLog) -> None:
    log.note = log.note.replace("\n13\n", "\n12\n", 1)


def no_signature(log: ServedLog) -> None:
    log.note = log.note.partition("\n\n")[0] + "\n\n"


TAMPERS: list[Callable[[ServedLog], None]] = [
    edit, drop, swap, insert, truncate, foreign_key, bent_note, no_signature,
]  # fmt: skip


@pytest.mark.parametrize("tamper", TAMPERS, ids=lambda tamper: tamper.__name__)
def test_a_tampered_log_is_found(served: tuple[ServedLog, str], tamper: Callable[[ServedLog], None]) -> None:
    log, url = served
    tamper(log)
    done = verify("audit", url, PUBLIC)
    assert done.returncode == 1
    assert "NOT VERIFIED" in done.stderr
    assert "verified:" not in done.stdout


@pytest.mark.parametrize("tamper", [edit, drop, swap, insert, truncate], ids=lambda tamper: tamper.__name__)
def test_a_log_rewritten_with_the_stolen_key_is_found_by_a_saved_head(
    served: tuple[ServedLog, str], tmp_path: Path, tamper: Callable[[ServedLog], None]
) -> None:
    log, url = served
    saved = tmp_path / "saved"
    saved.write_text(log.note)
    tamper(log)
    log.note = log.sign()
    assert verify("audit", url, PUBLIC).returncode == 0, "by itself the forged log looks good"
    assert verify("audit", url, PUBLIC, str(saved)).returncode == 1


BENT_RECEIPTS: dict[str, Callable[[Receipt], Any]] = {
    "leaf": lambda paper: paper.update(leaf='{"n":"edited"}'),
    "index": lambda paper: paper.update(index=paper["index"] + 1),
    "negative_index": lambda paper: paper.update(index=-1),
    "outside": lambda paper: paper.update(index=13),
    "short_proof": lambda paper: paper["proof"].pop(),
    "long_proof": lambda paper: paper["proof"].append("ab" * 32),
    "bent_proof": lambda paper: paper["proof"].__setitem__(0, "ab" * 32),
    "swapped_proof": lambda paper: paper["proof"].reverse(),
    "no_proof": lambda paper: paper.update(proof=[]),
    "checkpoint": lambda paper: paper.update(checkpoint=paper["checkpoint"].replace("\n13\n", "\n14\n", 1)),
    "nothing": lambda paper: paper.clear(),
}


def test_every_good_receipt_is_verified(tmp_path: Path) -> None:
    log = ServedLog()
    for index in (0, 6, 12):
        file = tmp_path / f"receipt-{index}.json"
        file.write_text(json.dumps(log.receipt(index)))
        done = verify("receipt", str(file), PUBLIC)
        assert done.returncode == 0, done.stderr
        assert log.leaves[index] in done.stdout


@pytest.mark.parametrize("bend", BENT_RECEIPTS.values(), ids=BENT_RECEIPTS)
def test_a_bent_receipt_is_refused(tmp_path: Path, bend: Callable[[Receipt], Any]) -> None:
    paper = ServedLog().receipt(6)
    bend(paper)
    file = tmp_path / "receipt.json"
    file.write_text(json.dumps(paper))
    done = verify("receipt", str(file), PUBLIC)
    assert done.returncode == 1
    assert "NOT VERIFIED" in done.stderr


def test_a_receipt_is_refused_with_another_key(tmp_path: Path) -> None:
    file = tmp_path / "receipt.json"
    file.write_text(json.dumps(ServedLog().receipt(6)))
    other = verifier_key(ORIGIN, Ed25519PrivateKey.generate().public_key())
    assert verify("receipt", str(file), other).returncode == 1


async def test_a_real_record_downloaded_is_a_receipt(catalogue: DisclosureHouse, tmp_path: Path) -> None:
    await catalogue.hear(*[received() for _ in range(6)])
    answer = await catalogue.client.get("/api/records/3", params={"download": True})
    assert "receipt-3.json" in answer.headers["content-disposition"]
    file = tmp_path / "receipt.json"
    file.write_bytes(answer.content)
    done = await asyncio.to_thread(verify, "receipt", str(file), catalogue.key)
    assert done.returncode == 0, done.stderr
    assert (await catalogue.client.get("/log/key")).text.strip() == catalogue.key
