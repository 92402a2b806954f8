"""A connection on which transactions run one after the other, each begun only when something is asked of it.

A transaction of which nothing is asked before its end is one statement, and one statement is a transaction: it
costs one trip to the database instead of a BEGIN, several statements and a COMMIT. Statements of the backbone go
straight to the driver (SQLAlchemy's cursor costs as much again as the statement); everything else goes through
SQLAlchemy on the same connection, within the same transaction.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from libs.statements import Statement

_DRIVERS_OWN = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class Session:
    """One connection of the pool, whose transactions are begun and ended here."""

    def __init__(self, connection: AsyncConnection, driver: Any) -> None:
        self._connection = connection  # in SQLAlchemy's AUTOCOMMIT: it begins and ends nothing by itself
        self._driver = driver
        self._begun = False
        self._astray = False  # the driver lost its way: the server went away meanwhile

    @property
    def lost(self) -> bool:
        """Whether the connection is gone."""
        return self._astray or bool(self._driver.is_closed())

    async def fetch(self, statement: Statement) -> Sequence[Any]:
        """The rows of ``statement``, within the transaction."""
        await self._begin()
        return await self._run(statement)

    async def sql(self) -> AsyncConnection:
        """The connection as SQLAlchemy has it, within the transaction."""
        await self._begin()
        return self._connection

    async def commit(self, last: Statement | None) -> Sequence[Any]:
        """Run ``last`` and end the transaction; its rows."""
        rows = await self._run(last) if last is not None else ()
        if self._begun:
            await self._say("COMMIT")
            self._begun = False
        return rows

    async def roll_back(self) -> None:
        """Undo the transaction, if one has begun; a connection that cannot is given up."""
        if not self._begun:
            return
        self._begun = False
        try:
            await self._say("ROLLBACK")
        except BaseException:
            await self._connection.invalidate()
            raise

    async def close(self) -> None:
        """Give the connection back to the pool; one that is lost, or in the middle of something, is thrown away."""
        if self._begun or self.lost:
            await self._connection.invalidate()
        await self._connection.close()

    async def _begin(self) -> None:
        if not self._begun:
            self._begun = True  # already: whoever is cancelled now must not leave a transaction open
            await self._say("BEGIN")

    async def _say(self, word: str) -> None:
        try:
            await self._driver.execute(word)
        except _DRIVERS_OWN as reason:
            raise self._told(reason) from reason

    async def _run(self, statement: Statement) -> Sequence[Any]:
        try:
            return await self._driver.fetch(statement.sql, *statement.values)  # type: ignore[no-any-return]
        except _DRIVERS_OWN as reason:
            raise self._told(reason) from reason

    def _told(self, reason: Exception) -> DBAPIError:
        """As SQLAlchemy would say it, without the values, which may be personal data."""
        self._astray = self._astray or isinstance(reason, asyncpg.InternalClientError)
        kind = IntegrityError if isinstance(reason, asyncpg.IntegrityConstraintViolationError) else DBAPIError
        return kind(None, None, reason, connection_invalidated=self.lost)


class Sessions:
    """Gives out a session for one transaction at a time, and keeps the last one for the next."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._kept: Session | None = None

    @contextlib.asynccontextmanager
    async def one(self) -> AsyncIterator[Session]:
        """A session; what was begun on it and not committed is rolled back."""
        session, self._kept = self._kept, None
        if session is not None and session.lost:
            await session.close()
            session = None
        if session is None:
            session = await self._open()
        try:
            yield session
        except BaseException:
            try:
                await session.roll_back()
            except (DBAPIError, OSError):
                pass  # it is thrown away; the first reason is the one to be told
            finally:
                await session.close()
            raise
        if self._kept is None:
            self._kept = session
        else:
            await session.close()

    async def close(self) -> None:
        """Give back the session that is kept."""
        session, self._kept = self._kept, None
        if session is not None:
            await session.close()

    async def _open(self) -> Session:
        connection = await self._engine.connect()
        raw = await connection.get_raw_connection()
        return Session(connection, raw.driver_connection)
