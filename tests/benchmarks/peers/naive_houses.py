"""A straightforward FastStream service: ORM, inbox and outbox, one commit per message, a relay that polls.

What a team writes that has read about the outbox pattern and follows each library's tutorial.
"""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from datetime import datetime
from typing import Any

from faststream import FastStream
from faststream.rabbit import ExchangeType, QueueType, RabbitBroker, RabbitExchange, RabbitQueue
from pydantic import BaseModel
from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, String, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, selectinload

from tests.benchmarks.peers.driving import joined, opinion_of

POLL_S = 0.1
EXCHANGE = RabbitExchange("permits", type=ExchangeType.TOPIC, durable=True)


class Base(DeclarativeBase):
    """Tables."""


class Case(Base):
    """The window's case."""

    __tablename__ = "cases"
    case_id: Mapped[str] = mapped_column(String, primary_key=True)
    submitted_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    application: Mapped[dict[str, Any]] = mapped_column(JSONB)
    expected: Mapped[int]
    approved_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    outcome: Mapped[str | None]
    departments: Mapped[str | None]
    decisions: Mapped[list[Decision]] = relationship(back_populates="case")


class Decision(Base):
    """A department's decision as the window keeps it."""

    __tablename__ = "decisions"
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id"), primary_key=True)
    department: Mapped[str] = mapped_column(String, primary_key=True)
    outcome: Mapped[str]
    case: Mapped[Case] = relationship(back_populates="decisions")


class Own(Base):
    """A department's own decision, in its own database."""

    __tablename__ = "own_decisions"
    case_id: Mapped[str] = mapped_column(String, primary_key=True)
    outcome: Mapped[str]
    decided_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.clock_timestamp()
    )


class Inbox(Base):
    """Messages handled."""

    __tablename__ = "inbox"
    message_id: Mapped[str] = mapped_column(String, primary_key=True)


class Outbox(Base):
    """Messages to be published."""

    __tablename__ = "outbox"
    seq: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    message_id: Mapped[str] = mapped_column(String, default=lambda: uuid.uuid4().hex)
    routing_key: Mapped[str]
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), index=True)


class ReviewRequested(BaseModel):
    """Asks a department."""

    message_id: str
    case_id: str
    department: str
    application: dict[str, Any]


class OpinionGiven(BaseModel):
    """A department's answer."""

    message_id: str
    case_id: str
    department: str
    outcome: str


Sessions = async_sessionmaker[AsyncSession]


def sessions_of(url: str, pool: int = 3) -> Sessions:
    """Sessions on a database."""
    url = url.replace("postgresql://", "postgresql+asyncpg://")
    return async_sessionmaker(
        create_async_engine(url, pool_size=pool, max_overflow=2), expire_on_commit=False
    )


async def create_tables(sessions: Sessions) -> None:
    """Make the tables."""
    async with sessions.kw["bind"].begin() as connection:
        await connection.run_sync(Base.metadata.create_all)


async def relay(sessions: Sessions, broker: RabbitBroker) -> None:
    """Poll the outbox and publish each row, confirm by confirm."""
    while True:
        async with sessions() as session:
            unsent = select(Outbox).where(Outbox.sent_at.is_(None)).order_by(Outbox.seq).limit(100)
            rows = (await session.scalars(unsent.with_for_update(skip_locked=True))).all()
            for row in rows:
                message = {**row.body, "message_id": row.message_id}
                await broker.publish(message, exchange=EXCHANGE, routing_key=row.routing_key, persist=True)
                row.sent_at = func.clock_timestamp()
            await session.commit()
        if not rows:
            await asyncio.sleep(POLL_S)


def queue(name: str) -> RabbitQueue:
    """A durable quorum queue bound to its own name."""
    return RabbitQueue(name, queue_type=QueueType.QUORUM, durable=True, routing_key=name)


async def accept_case(
    sessions: Sessions,
    case_id: str,
    application: dict[str, Any],
    submitted_at: datetime,
    departments: list[str],
) -> None:
    """One transaction: the case and a message to each department."""
    async with sessions() as session:
        session.add(
            Case(
                case_id=case_id, submitted_at=submitted_at, application=application, expected=len(departments)
            )
        )
        for department in departments:
            body = {"case_id": case_id, "department": department, "application": application}
            session.add(Outbox(routing_key=f"review.{department}", body=body))
        await session.commit()


def department_app(amqp: str, databases: dict[str, str]) -> tuple[FastStream, RabbitBroker, list[Sessions]]:
    """A process that serves some departments."""
    broker = RabbitBroker(amqp, logger=None)
    every = []
    for department, url in databases.items():
        every.append(sessions_of(url))
        _listen(broker, department, every[-1])
    return FastStream(broker, logger=None), broker, every


def _listen(broker: RabbitBroker, department: str, sessions: Sessions) -> None:
    """A department decides in one transaction with its inbox and outbox."""

    @broker.subscriber(queue(f"review.{department}"), EXCHANGE)
    async def on_requested(asked: ReviewRequested) -> None:
        async with sessions() as session:
            outcome = opinion_of(asked.case_id, asked.department)
            session.add(Inbox(message_id=asked.message_id))
            session.add(Own(case_id=asked.case_id, outcome=outcome))
            body = {"case_id": asked.case_id, "department": asked.department, "outcome": outcome}
            session.add(Outbox(routing_key="window", body=body))
            try:
                await session.commit()
            except IntegrityError:
                await session.rollback()  # handled before


def window(amqp: str, sessions: Sessions) -> RabbitBroker:
    """The window's listener: stores the opinion, looks at all of them, approves when they are complete."""
    broker = RabbitBroker(amqp, logger=None)

    @broker.subscriber(queue("window"), EXCHANGE)
    async def on_opinion(given: OpinionGiven) -> None:
        async with sessions() as session:
            found = select(Case).where(Case.case_id == given.case_id).with_for_update()
            case = (await session.scalars(found.options(selectinload(Case.decisions)))).one()
            session.add(Inbox(message_id=given.message_id))
            if all(each.department != given.department for each in case.decisions):
                case.decisions.append(Decision(department=given.department, outcome=given.outcome))
            if case.approved_at is None and len(case.decisions) == case.expected:
                case.outcome, case.departments = joined(
                    {each.department: each.outcome for each in case.decisions}
                )
                case.approved_at = func.clock_timestamp()
            try:
                await session.commit()
            except IntegrityError:
                await session.rollback()  # handled before

    return broker


async def serve_departments(amqp: str, databases: dict[str, str]) -> None:
    """Run a process of departments."""
    app, broker, every = department_app(amqp, databases)
    await broker.connect()
    relays = [asyncio.create_task(relay(sessions, broker)) for sessions in every]
    await app.run()
    for each in relays:
        each.cancel()


if __name__ == "__main__":
    names = sys.argv[1].split(",")
    asyncio.run(
        serve_departments(
            os.environ["BENCH_AMQP"], {name: os.environ[f"BENCH_DATABASE_{name}"] for name in names}
        )
    )
