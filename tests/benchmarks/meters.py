"""What a stretch of time cost: CPU of whole process trees, commits, WAL, and who else used the machine.

CPU is user and system time from /proc/<pid>/stat, of every living process of a tree plus what its ended and
awaited children had used. The kernel rounds to 10 ms per process, so a stretch should last some seconds.
Uses the standard library and asyncpg only: the peers' programs measure with it too.
"""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

_TICK = os.sysconf("SC_CLK_TCK")
_SETTLE_S = 1.2  # PostgreSQL's sessions report their counters at most once a second


def tree(roots: Sequence[int], without: Collection[int] = ()) -> list[int]:
    """These processes and everything below them that lives, but for ``without`` and what is below those."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found: dict[int, None] = {}
    at = [pid for pid in roots if pid not in without]
    while at:
        found.update(dict.fromkeys(at))
        at = [child for pid in at for child in children.get(pid, []) if child not in found]
        at = [pid for pid in at if pid not in without]
    return list(found)


def _stat(pid: int) -> list[str]:
    """The fields after the command's name; state is the first. Empty when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def cpu_seconds(roots: Sequence[int], without: Collection[int] = ()) -> float:
    """CPU a set of process trees has used, their ended and awaited children included."""
    ticks = 0
    for pid in tree(roots, without):
        fields = _stat(pid)
        ticks += sum(map(int, fields[11:15])) if fields else 0
    return ticks / _TICK


def resident_bytes(roots: Sequence[int]) -> int:
    """Resident memory of a set of process trees (shared pages are counted for each)."""
    page = os.sysconf("SC_PAGE_SIZE")
    return sum(int(fields[21]) * page for pid in tree(roots) if (fields := _stat(pid)))


def _machine_busy_seconds() -> float:
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    idle = int(fields[3]) + int(fields[4])
    return (sum(map(int, fields[:8])) - idle) / _TICK


@dataclass
class Measured:
    """What one stretch cost, in all."""

    seconds: float = 0.0
    cpu_s: dict[str, float] = field(default_factory=dict)
    other_cpu_s: float = 0.0
    commits: int = 0
    wal_bytes: int = 0
    wal_syncs: int = 0

    def per_case(self, cases: int) -> dict[str, Any]:
        """The names `Figures.details` uses, per case."""
        return {
            "cases": cases,
            "seconds": round(self.seconds, 3),
            "cpu_by_kind": {kind: round(spent * 1000 / cases, 4) for kind, spent in self.cpu_s.items()},
            "commits": round(self.commits / cases, 4),
            "wal_bytes": round(self.wal_bytes / cases),
            "wal_syncs": round(self.wal_syncs / cases, 4),
            "own_cores": round(sum(self.cpu_s.values()) / self.seconds, 2),
            "other_cores": round(self.other_cpu_s / self.seconds, 2),
        }

    def cpu_ms(self, cases: int) -> float:
        """CPU per case over all kinds."""
        return sum(self.cpu_s.values()) * 1000 / cases


class Meter:
    """``async with Meter({"python": [pid], "postgresql": [pid]}, url) as measured: ...``; read it afterwards.

    ``roots`` names process trees by kind (one below another counts for its own kind); ``postgres_url`` is the
    address of a superuser of the cluster whose commits and WAL are counted (None: neither).
    """

    def __init__(self, roots: Mapping[str, Sequence[int]], postgres_url: str | None) -> None:
        self._roots = {kind: list(pids) for kind, pids in roots.items()}
        self._url = postgres_url
        self._measured = Measured()
        self._began = 0.0
        self._cpu: dict[str, float] = {}
        self._busy = 0.0
        self._database = (0, 0, 0)

    async def __aenter__(self) -> Measured:
        self._database = await self._counters()
        self._cpu, self._busy = self._spent(), _machine_busy_seconds()
        self._began = time.monotonic()
        return self._measured

    async def __aexit__(self, kind: Any, *_: object) -> None:
        measured = self._measured
        measured.seconds = time.monotonic() - self._began
        cpu, busy = self._spent(), _machine_busy_seconds()
        measured.cpu_s = {kind: cpu[kind] - self._cpu[kind] for kind in cpu}
        measured.other_cpu_s = max(0.0, busy - self._busy - sum(measured.cpu_s.values()))
        if kind is None:
            settled = time.monotonic() + _SETTLE_S
            while self._url and time.monotonic() < settled:
                await asyncio.sleep(0.1)
            after = await self._counters()
            measured.commits, measured.wal_bytes, measured.wal_syncs = (
                after[i] - self._database[i] for i in range(3)
            )

    def _spent(self) -> dict[str, float]:
        every = {pid for pids in self._roots.values() for pid in pids}
        return {kind: cpu_seconds(pids, every.difference(pids)) for kind, pids in self._roots.items()}

    async def _counters(self) -> tuple[int, int, int]:
        """(commits, WAL bytes, WAL flushes) of the cluster so far."""
        if self._url is None:
            return (0, 0, 0)
        connection = await asyncpg.connect(self._url)
        try:
            row = await connection.fetchrow(
                "SELECT (SELECT sum(xact_commit) FROM pg_stat_database)::bigint, "
                "pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint"
            )
            syncs = 0
            if await connection.fetchval("SELECT to_regclass('pg_catalog.pg_stat_wal') IS NOT NULL"):
                names = [
                    each["attname"]
                    for each in await connection.fetch(
                        "SELECT attname FROM pg_attribute WHERE attrelid = 'pg_catalog.pg_stat_wal'::regclass"
                    )
                ]
                if "wal_sync" in names:  # moved to pg_stat_io in PostgreSQL 18
                    syncs = int(await connection.fetchval("SELECT wal_sync FROM pg_stat_wal"))
            return int(row[0]), int(row[1]), syncs
        finally:
            await connection.close()


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` (0..1) of them lie (nearest rank); NaN of nothing."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, math.ceil(share * len(ordered)) - 1))]
