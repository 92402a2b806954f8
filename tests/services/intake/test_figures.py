"""Intake's figures are those of its tables: cases and promises by item, and what waits although it need not."""

from __future__ import annotations

from datetime import timedelta

from prometheus_client import REGISTRY

from services.intake.storage import figures
from services.intake.timers import show_business, show_waiting
from tests.services.intake.house import IntakeHouse


def shown(name: str, **labels: str) -> float:
    """A figure as Prometheus would be told it; 0 when it is not shown."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def show(house: IntakeHouse) -> None:
    async with house.engine.connect() as reader:
        await show_business(reader)
        await show_waiting(reader, house.clock.now())


async def test_a_case_is_counted_by_item_state_and_mode(house: IntakeHouse) -> None:
    await show(house)
    road = {"item": "road-occupation"}
    before = [
        shown("permit_cases", **road, state="accepted"),
        shown("permit_acceptances", **road, mode="complete"),
        shown("permit_opinions_awaited", agency="traffic_police"),
    ]
    await house.accepted()
    await show(house)
    after = [
        shown("permit_cases", **road, state="accepted"),
        shown("permit_acceptances", **road, mode="complete"),
        shown("permit_opinions_awaited", agency="traffic_police"),
    ]
    assert [late - early for late, early in zip(after, before, strict=True)] == [1, 1, 1]
    assert REGISTRY.get_sample_value("permit_decisions", {**road, "promise": "broken"}) is not None


async def test_a_case_that_could_move_and_does_not_is_seen_with_its_age(house: IntakeHouse) -> None:
    case_id = await house.accepted()
    async with house.engine.connect() as connection:
        before = await figures.joins_waiting(connection)
        # What no code of ours does: every outcome is there and nobody looked at the case. Rolled back afterwards.
        for sql in (
            "UPDATE reviews SET outcome = 'consent', changed_at = now() - interval '90 s' WHERE case_id = $1",
            "UPDATE cases SET changed_at = now() - interval '600 s' WHERE case_id = $1",
        ):
            await connection.exec_driver_sql(sql, (case_id,))
        stuck = await figures.joins_waiting(connection)
    assert stuck.number == before.number + 1
    assert 90 <= stuck.oldest_s < 600, "it could move since its last opinion, not since it was accepted"


async def test_a_voucher_without_a_proof_is_counted_with_its_age(house: IntakeHouse) -> None:
    async with house.engine.connect() as reader:
        before = await figures.unproven_vouchers(reader, house.clock.now())
    await house.file()
    async with house.engine.connect() as reader:
        after = await figures.unproven_vouchers(reader, house.clock.now() + timedelta(minutes=5))
    assert after.number == before.number + 1
    assert after.oldest_s >= 300
