"""Records a process remembers between its transactions, so that reading one again costs neither body nor checking it.

What is remembered is never relied on by itself: whoever loads a record locks its row and compares the version, in the
statement that would read the body. Every writing raises the version, so a record that another replica has changed
meanwhile is read anew. Only what was committed is remembered.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from libs.records import Key, Records


class Remembered:
    """The records loaded or written last, of each table as many as it says (``Records.remembers``)."""

    def __init__(self) -> None:
        self._tables: dict[Records[Any], OrderedDict[Key, tuple[int, Any]]] = {}

    def of(self, records: Records[Any], keys: Iterable[Key]) -> dict[Key, tuple[int, Any]]:
        """(version, record) of those of ``keys`` that are remembered."""
        known = self._tables.get(records)
        return {key: known[key] for key in keys if key in known} if known else {}

    def keep(self, records: Records[Any], key: Key, version: int, record: Any) -> None:
        """Remember this committed record, and forget the one that was used longest ago if they are too many."""
        known = self._tables.setdefault(records, OrderedDict())
        known[key] = (version, record)
        known.move_to_end(key)
        if len(known) > records.remembers:
            known.popitem(last=False)
