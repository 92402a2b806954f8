"""The demonstration's clock: it waits for everybody, jumps over nothing that is due, and says who stops it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.launcher.clock_driver import ClockDriver, ClockStuck
from deploy.launcher.readiness import State
from libs.clock import FileClock

START = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass
class Toy:
    """A service as a probe sees it: does what is due, one question later."""

    name: str
    clock: FileClock
    due: list[datetime] = field(default_factory=list)
    done_at: list[tuple[datetime, datetime]] = field(default_factory=list)
    said: int = 0
    away: int = 0
    busy: bool = False

    async def ask(self) -> State:
        if self.away:
            self.away -= 1
            return State.away(self.name, "ConnectionRefusedError")
        now = self.clock.now()
        quiet = not self.busy
        if self.due and self.due[0] <= now:
            self.done_at.append((self.due.pop(0), now))
            self.said += 1
            quiet = False
        return State(self.name, True, quiet, self.said, 0, self.due[0] if self.due else None, now, {})


def _driver(tmp_path: Path, *names: str, **rest: object) -> tuple[ClockDriver, list[Toy]]:
    path = tmp_path / "clock.json"
    driver = ClockDriver(path, [], START, **rest)  # type: ignore[arg-type]
    driver.hold()
    toys = [Toy(name, FileClock(path)) for name in names]
    driver._probes = toys  # type: ignore[assignment]
    return driver, toys


def _hours(*hours: float) -> list[datetime]:
    return [START + timedelta(hours=hour) for hour in hours]


async def test_everything_due_is_done_at_its_own_instant(tmp_path: Path) -> None:
    driver, (one, two) = _driver(tmp_path, "one", "two")
    one.due, two.due = _hours(1, 5, 5), _hours(2, 30)
    await driver.advance_to(START + timedelta(hours=8))
    assert [when for when, _ in one.done_at] == _hours(1, 5, 5)
    assert [when for when, _ in two.done_at] == _hours(2)
    for when, done in one.done_at + two.done_at:
        assert when == done, "done later than due"
    assert driver.now == START + timedelta(hours=8)


async def test_what_falls_due_at_the_target_is_done_before_it_returns(tmp_path: Path) -> None:
    driver, (one,) = _driver(tmp_path, "one")
    one.due = _hours(8)
    await driver.advance_to(START + timedelta(hours=8))
    assert one.done_at == [(START + timedelta(hours=8), START + timedelta(hours=8))]


async def test_clock_stands_while_a_service_is_away(tmp_path: Path) -> None:
    driver, (one, two) = _driver(tmp_path, "one", "two")
    two.away, one.due = 30, _hours(1)
    await driver.advance_to(START + timedelta(hours=2))
    assert two.away == 0
    assert one.done_at == [(START + timedelta(hours=1), START + timedelta(hours=1))]


async def test_clock_stands_while_an_event_is_on_its_way(tmp_path: Path) -> None:
    left = [3, None, 2, 1]

    async def missing() -> int | None:
        return left.pop(0) if left else 0

    driver, _ = _driver(tmp_path, "one", missing=missing)
    await driver.advance_to(START + timedelta(hours=2))
    assert left == []


async def test_stuck_clock_says_who_stops_it(tmp_path: Path) -> None:
    driver, (_, two) = _driver(tmp_path, "one", "two", patience_s=0.2)
    two.busy = True
    with pytest.raises(ClockStuck, match=r"two: ready=True quiet=False"):
        await driver.advance_to(START + timedelta(hours=1))
    assert driver.now == START


async def test_center_that_gave_up_ends_the_waiting(tmp_path: Path) -> None:
    driver, (one,) = _driver(tmp_path, "one", failed=lambda: "fee died 8 times within a minute")
    one.busy = True
    with pytest.raises(ClockStuck, match="fee died 8 times"):
        await driver.settle()


async def test_released_clock_runs_at_the_speed_of_real_time(tmp_path: Path) -> None:
    driver, (one,) = _driver(tmp_path, "one")
    await driver.advance_to(START + timedelta(days=30))
    assert one.clock.rate > 1
    assert one.clock.now() == START + timedelta(days=30)
    await driver.release()
    assert one.clock.rate == 1
    assert one.clock.now() - driver.now < timedelta(minutes=1)


async def test_past_instant_moves_nothing(tmp_path: Path) -> None:
    driver, _ = _driver(tmp_path, "one")
    await driver.advance_to(START - timedelta(days=1))
    assert driver.now == START
