"""A light HTTP/1.1 client: kept connections, one request at a time on each, as little CPU as Python allows."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import Any


class Answered(Exception):
    """An answer that is none of those wanted; the text holds the status and the body's beginning."""


class _Connection(asyncio.Protocol):
    """One kept connection; ``ask`` sends a whole request and waits for the whole answer."""

    def __init__(self) -> None:
        self._buffer = b""
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionError("the connection was closed"))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiting

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        start = head.lower().find(b"content-length:")
        length = int(head[start + 15 :].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        self._buffer = b""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result((int(head[9:12]), body))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class Door:
    """Some connections to one service; more askers than connections wait for one to be free."""

    def __init__(self, url: str, connections: int) -> None:
        self._host, _, port = url.removeprefix("http://").partition(":")
        self._port = int(port)
        self._number = connections
        self._all: list[_Connection] = []
        self._free: deque[_Connection] = deque()
        self._gate = asyncio.Semaphore(connections)

    async def __aenter__(self) -> Door:
        loop = asyncio.get_running_loop()
        for _ in range(self._number):
            _, connection = await loop.create_connection(_Connection, self._host, self._port)
            self._all.append(connection)
        self._free.extend(self._all)
        return self

    async def __aexit__(self, *_: object) -> None:
        for connection in self._all:
            connection.close()

    async def post(self, path: str, token: str, key: str, body: bytes, *, wanted: int = 201) -> bytes:
        """POST as whoever the token names, under this client key; the answer's body, or Answered."""
        request = (
            f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\nAuthorization: Bearer {token}\r\n"
            f"Idempotency-Key: {key}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body
        async with self._gate:
            connection = self._free.popleft()
            try:
                status, answer = await connection.ask(request)
            finally:
                self._free.append(connection)
        if status != wanted:
            raise Answered(f"{path}: {status} {answer[:300].decode('utf-8', 'replace')}")
        return answer


def text(body: Any) -> bytes:
    """A JSON body."""
    return json.dumps(body, ensure_ascii=False).encode()
