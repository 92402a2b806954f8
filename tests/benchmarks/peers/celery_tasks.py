"""The Celery application: a chord per case, quorum queues, confirmed publishing, late acknowledgement."""

from __future__ import annotations

import os
from typing import Any

import psycopg
from celery import Celery
from celery.signals import worker_process_init

from tests.benchmarks.peers.driving import joined, opinion_of

app = Celery("permits", broker=os.environ["BENCH_AMQP"], backend=os.environ["BENCH_REDIS"])
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_default_queue="permits",
    task_default_queue_type="quorum",
    broker_transport_options={"confirm_publish": True},
    broker_connection_retry_on_startup=True,
    result_expires=3600,
)
_connection: psycopg.Connection[Any] | None = None


@worker_process_init.connect
def _connect(**_: Any) -> None:
    database()


def database() -> psycopg.Connection[Any]:
    """This process's connection; every statement commits by itself."""
    global _connection
    if _connection is None:
        _connection = psycopg.connect(os.environ["BENCH_POSTGRES"], autocommit=True)
    return _connection


@app.task
def decide(case: str, application: dict[str, Any], department: str) -> tuple[str, str]:
    """One department decides durably; safe to run again."""
    outcome = opinion_of(case, department)
    database().execute(
        "INSERT INTO decisions (case_id, department, outcome) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        (case, department, outcome),
    )
    return department, outcome


@app.task
def approve(said: list[tuple[str, str]], case: str) -> None:
    """The chord's body: all departments have decided."""
    outcome, departments = joined(dict(said))
    database().execute(
        "UPDATE cases SET approved_at = clock_timestamp(), outcome = %s, departments = %s "
        "WHERE case_id = %s AND approved_at IS NULL",
        (outcome, departments, case),
    )
