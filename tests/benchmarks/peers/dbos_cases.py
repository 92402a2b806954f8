"""The DBOS application: a workflow per case enqueues a child workflow per department and waits for them."""

from __future__ import annotations

import os
from typing import Any

import sqlalchemy as sa
from dbos import DBOS, DBOSConfig

from tests.benchmarks.peers.driving import joined, opinion_of

DEPARTMENTS, CASES = "departments", "cases"
_engine: sa.Engine | None = None


def launch(name: str) -> None:
    """Configure and start DBOS in this process."""
    global _engine
    _engine = sa.create_engine(os.environ["BENCH_POSTGRES"].replace("postgresql://", "postgresql+psycopg://"))
    config: DBOSConfig = {
        "name": "permits",
        "system_database_url": os.environ["BENCH_DBOS"],
        "executor_id": name,
        "run_admin_server": False,
        "application_version": "1",
        "log_level": "WARNING",
    }
    DBOS(config=config)
    DBOS.launch()
    DBOS.register_queue(DEPARTMENTS)
    DBOS.register_queue(CASES, worker_concurrency=16)  # parents hold a thread while they wait


def _run(sql: str, **values: Any) -> None:
    assert _engine is not None
    with _engine.begin() as connection:
        connection.execute(sa.text(sql), values)


@DBOS.step()
def store_decision(case: str, department: str, outcome: str) -> None:
    """Durable, and safe to run again."""
    _run(
        "INSERT INTO decisions (case_id, department, outcome) VALUES (:case, :department, :outcome) "
        "ON CONFLICT DO NOTHING", case=case, department=department, outcome=outcome,
    )  # fmt: skip


@DBOS.step()
def store_approval(case: str, outcome: str, departments: str) -> None:
    """Durable, and safe to run again."""
    _run(
        "UPDATE cases SET approved_at = clock_timestamp(), outcome = :outcome, departments = :departments "
        "WHERE case_id = :case AND approved_at IS NULL", case=case, outcome=outcome, departments=departments,
    )  # fmt: skip


@DBOS.workflow()
def decide(case: str, application: dict[str, Any], department: str) -> str:
    """One department."""
    outcome = opinion_of(case, department)
    store_decision(case, department, outcome)
    return outcome


@DBOS.workflow()
def handle_case(case: str, application: dict[str, Any], departments: list[str]) -> None:
    """Fan out, fan in, approve."""
    handles = {
        each: DBOS.enqueue_workflow(DEPARTMENTS, decide, case, application, each) for each in departments
    }
    store_approval(case, *joined({each: handle.get_result() for each, handle in handles.items()}))
