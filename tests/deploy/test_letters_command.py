"""The commands for letters and healing say in one sentence what they lack, and reach a center by environment."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from typer.testing import CliRunner

from deploy.launcher.cli import app

LETTER = {
    "number": 7, "source": "intake", "id": "1", "type": "intake.application_received.v1", "subject": "c",
    "code": "bad_content", "reason": "n: too big", "attempts": 2, "set_aside_at": "2026-01-05T01:00:00Z",
    "settled_at": None, "replayed_at": None, "replayed_by": None,
}  # fmt: skip


class Fee(BaseHTTPRequestHandler):
    """Answers as fee's door does; keeps what it was asked."""

    asked: ClassVar[list[tuple[str, str, str]]] = []
    outcome = "failed"

    def do_GET(self) -> None:
        """One letter that is an event, one text that is none."""
        junk = {**LETTER, "number": 8, "code": "unreadable"}
        self._answer(
            {
                "figures": {"parked": 3},
                "dead_letter_messages": 0,
                "total": 2,
                "page": 1,
                "letters": [junk, LETTER],
            }
        )

    def do_POST(self) -> None:
        """A replay."""
        Fee.asked.append((self.path, self.headers["Authorization"], self.headers["Idempotency-Key"]))
        self._answer({"number": 7, "outcome": Fee.outcome, "code": "bad_content", "reason": "n: too big"})

    def _answer(self, body: dict[str, Any]) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: Any) -> None:
        """Silence."""


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A center of which only fee answers, named by the environment."""
    server = HTTPServer(("127.0.0.1", 0), Fee)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    sites = {"fee": f"http://127.0.0.1:{server.server_port}", "review": {"fire": "http://127.0.0.1:1"}}
    (tmp_path / "token").write_text("a token\n")
    monkeypatch.setenv("ONEWINDOW_SITES", json.dumps(sites))
    monkeypatch.setenv("ONEWINDOW_ACCESS_TOKEN_FILE", str(tmp_path / "token"))
    Fee.asked.clear()
    yield
    server.shutdown()
    server.server_close()
    thread.join(5)


def onewindow(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(words))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.output
    return done.exit_code, done.output


@pytest.mark.usefixtures("elsewhere")
def test_letters_are_reached_by_environment_and_who_is_silent_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    status, output = onewindow("letters")
    assert status == 1
    assert output.splitlines() == [
        "fee 8  intake.application_received.v1  unreadable: n: too big  tried 2, since 2026-01-05T01:00:00Z",
        "fee 7  intake.application_received.v1  bad_content: n: too big  tried 2, since 2026-01-05T01:00:00Z",
        "3 events wait for a predecessor",
        "review.fire does not answer: ConnectError",
    ]
    assert onewindow("letters", "replay", "fee", "--all") == (1, "fee 7: failed n: too big\n")
    monkeypatch.setattr(Fee, "outcome", "handled")
    assert onewindow("letters", "replay", "fee", "7")[0] == 0
    status, output = onewindow("letters", "replay", "--all")
    assert status == 1, "who is silent stops nobody, and is said"
    assert output == "fee 7: handled n: too big\nreview.fire does not answer: ConnectError\n"
    assert [(path, token) for path, token, _ in Fee.asked] == [
        ("/api/letters/7/replay", "Bearer a token")
    ] * 3
    assert len({key for *_, key in Fee.asked}) == 3
    status, output = onewindow("letters", "show", "water", "1")
    assert (status, output) == (1, "There is no water here. Known: fee, review.fire\n")


@pytest.mark.usefixtures("elsewhere")
def test_healing_elsewhere_says_what_it_lacks() -> None:
    status, output = onewindow("heal")
    assert (status, "ONEWINDOW_AUDIT_DATABASES" in output) == (1, True)


def test_a_center_that_never_ran_is_said_in_one_sentence(tmp_path: Path) -> None:
    for words in (["letters"], ["heal"], ["letters", "show"], ["letters", "replay"]):
        rest = ["fee", "1"] if len(words) > 1 else []
        status, output = onewindow(*words, *rest, "--run-dir", str(tmp_path))
        assert (status, output.startswith("No center has run in")) == (1, True), output
    assert onewindow("letters", "replay", "fee")[0] == 2
    assert onewindow("letters", "replay", "fee", "1", "--all")[0] == 2
