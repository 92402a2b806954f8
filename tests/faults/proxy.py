"""A fault proxy for one edge: every byte between a process and what it talks to passes here, or does not."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
from dataclasses import dataclass, field

UP, DOWN = "up", "down"  # to the server; back to the client
HTTP_POST = re.compile(rb"^POST ")
SQL_COMMIT = re.compile(rb"COMMIT;?\x00")
AMQP_ACK = re.compile(rb"\x01..\x00\x00\x00\x0d\x00\x3c\x00\x50", re.DOTALL)  # basic.ack, either direction


@dataclass
class Cut:
    """Armed once: what matches in ``direction`` is the last of its connection.

    ``reply`` lets it pass and loses the answer to it; otherwise the matching bytes themselves are lost.
    ``harmless`` loses nothing and only tells that it was seen.
    """

    direction: str
    pattern: re.Pattern[bytes]
    reply: bool
    harmless: bool = False
    fired: asyncio.Event = field(default_factory=asyncio.Event)


class Wire:
    """One connection through the edge."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self._writers = (client, server)
        self.lose_reply: Cut | None = None

    def reset(self) -> None:
        """RST to both sides; what is under way is lost."""
        for writer in self._writers:
            found: socket.socket | None = writer.get_extra_info("socket")
            if found is not None:
                with contextlib.suppress(OSError):
                    found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


class Edge:
    """Listens on a port of its own and forwards to ``host:port``; faults are switched on and off by name."""

    def __init__(self, name: str, host: str, port: int) -> None:
        self.name = name
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._open = {UP: asyncio.Event(), DOWN: asyncio.Event()}
        for gate in self._open.values():
            gate.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.wires: set[Wire] = set()
        self.cuts: list[Cut] = []
        self.refuse = False
        self.delay_s = 0.0
        self.bytes_per_s = 0
        self.held = 0  # chunks that met a closed gate
        self.slowed = 0
        self.refused = 0
        self.port = 0

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening, drop everything."""
        if self._server is not None:
            self._server.close()
        self.reset()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def stall(self, *directions: str) -> None:
        """A blackhole: what goes these ways is held and, as after a partition, arrives when it heals."""
        for direction in directions:
            self._open[direction].clear()

    def heal(self) -> None:
        """No fault any more; cuts that did not fire are off."""
        for gate in self._open.values():
            gate.set()
        self.refuse, self.delay_s, self.bytes_per_s, self.cuts = False, 0.0, 0, []

    def reset(self) -> int:
        """Break every connection; how many there were."""
        wires, self.wires = self.wires, set()
        for wire in wires:
            wire.reset()
        return len(wires)

    def cut(self, direction: str, pattern: re.Pattern[bytes], *, reply: bool) -> Cut:
        """Lose the next match (or the answer to it) with its connection."""
        armed = Cut(direction, pattern, reply)
        self.cuts.append(armed)
        return armed

    def look(self, direction: str, pattern: re.Pattern[bytes]) -> Cut:
        """Lose nothing; ``fired`` is set when the next match passes."""
        armed = Cut(direction, pattern, False, harmless=True)
        self.cuts.append(armed)
        return armed

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await self._serve(reader, writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuse:
            self.refused += 1
            Wire(writer, writer).reset()
            return
        try:
            from_server, to_server = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        wire = Wire(writer, to_server)
        self.wires.add(wire)
        pumps = [
            asyncio.create_task(self._pump(reader, to_server, UP, wire)),
            asyncio.create_task(self._pump(from_server, writer, DOWN, wire)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for each in (writer, to_server):
                each.close()
            self.wires.discard(wire)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: str, wire: Wire
    ) -> None:
        while data := await reader.read(65536):
            if not self._open[direction].is_set():
                self.held += 1
                await self._open[direction].wait()
            if self.delay_s or self.bytes_per_s:
                self.slowed += 1
                pause = len(data) / self.bytes_per_s if self.bytes_per_s else 0.0
                await asyncio.sleep(self.delay_s + pause)
            if self._lost(data, direction, wire):
                wire.reset()
                return
            writer.write(data)
            await writer.drain()

    def _lost(self, data: bytes, direction: str, wire: Wire) -> bool:
        if direction == DOWN and wire.lose_reply is not None:
            wire.lose_reply.fired.set()
            return True
        for armed in self.cuts:
            if armed.direction == direction and armed.pattern.search(data):
                self.cuts.remove(armed)
                if armed.harmless:
                    armed.fired.set()
                    return False
                if armed.reply:
                    wire.lose_reply = armed
                    return False
                armed.fired.set()
                return True
        return False
