"""The healer's own small door: its figures, and whether it looks."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

Question = Callable[[], bool]


class _Quiet(ThreadingHTTPServer):
    """Who asks may go before the answer is through (a health check reads its first line): no trouble of ours."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Only what is trouble."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Door:
    """GET /metrics, /healthz (``turns``: the loop goes round) and /readyz (``looks``: all was compared lately)."""

    def __init__(
        self, address: tuple[str, int], registry: CollectorRegistry, turns: Question, looks: Question
    ) -> None:
        class Asked(BaseHTTPRequestHandler):
            """One question."""

            timeout = 10

            def do_GET(self) -> None:
                """Answer it."""
                if self.path == "/metrics":
                    self._answer(200, generate_latest(registry), CONTENT_TYPE_LATEST)
                elif self.path in ("/healthz", "/readyz"):
                    fine = (turns if self.path == "/healthz" else looks)()
                    self._answer(200 if fine else 503, b"yes\n" if fine else b"no\n", "text/plain")
                else:
                    self._answer(404, b"nothing here\n", "text/plain")

            def _answer(self, status: int, body: bytes, kind: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Nobody reads who asked for figures."""

        self._server = _Quiet(address, Asked)
        self._thread = threading.Thread(target=self._server.serve_forever, name="door", daemon=True)

    @property
    def port(self) -> int:
        """Where it answers."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Door:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
