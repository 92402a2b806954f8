"""The Restate application: a workflow per case calls a service per department and gathers the answers."""

from __future__ import annotations

import os
from typing import Any

import asyncpg
import restate

from tests.benchmarks.peers.driving import APPROVE, DECIDE, joined, opinion_of

department = restate.Service("department")
case = restate.Workflow("case")
_pool: asyncpg.Pool | None = None


async def _database() -> asyncpg.Pool:
    global _pool
    if _pool is None:
        _pool = await asyncpg.create_pool(os.environ["BENCH_POSTGRES"], min_size=1, max_size=8)
    return _pool


@department.handler()
async def decide(ctx: restate.Context, asked: dict[str, Any]) -> str:
    """One department decides; the side effect is durable and safe to run again."""
    outcome = opinion_of(asked["case"], asked["department"])

    async def store() -> None:
        await (await _database()).execute(DECIDE, asked["case"], asked["department"], outcome)

    await ctx.run_typed("store", store)
    return outcome


@case.main()
async def run(ctx: restate.WorkflowContext, asked: dict[str, Any]) -> None:
    """Fan out, fan in, approve."""
    calls = {
        each: ctx.service_call(
            decide, {"case": ctx.key(), "department": each, "application": asked["application"]}
        )
        for each in asked["departments"]
    }
    await restate.gather(*calls.values())
    outcome, departments = joined({each: await call for each, call in calls.items()})

    async def store() -> None:
        await (await _database()).execute(APPROVE, ctx.key(), outcome, departments)

    await ctx.run_typed("approve", store)


app = restate.app([department, case])
