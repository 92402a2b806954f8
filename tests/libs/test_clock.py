"""The business clock: monotone, never past its ceiling, one file for all."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.clock import FileClock, SystemClock, write_clock

START = datetime(2026, 1, 5, tzinfo=UTC)
instants = st.integers(0, 400 * 24 * 3600).map(lambda seconds: START + timedelta(seconds=seconds))
moves = st.lists(st.tuples(instants, st.floats(0.0, 1e6), st.none() | instants), min_size=1, max_size=8)


@given(moves=moves)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_clock_never_runs_backwards_whatever_is_written(
    tmp_path: Path, moves: list[tuple[datetime, float, datetime | None]]
) -> None:
    path = tmp_path / "clock.json"
    write_clock(path, START, 1.0, START)
    clock = FileClock(path)
    before = clock.now()
    for business_at, rate, ceiling in moves:
        write_clock(path, business_at, rate, ceiling)
        now = clock.now()
        assert now >= before
        if ceiling is not None and before <= ceiling:
            assert now <= ceiling
        assert clock.rate == rate
        before = now


def test_ceiling_holds_the_clock_and_a_higher_one_lets_it_go(tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    write_clock(path, START, 86_400.0, START)
    clocks = [FileClock(path), FileClock(path)]
    assert {clock.now() for clock in clocks} == {START}
    write_clock(path, START + timedelta(days=3), 86_400.0, START + timedelta(days=3))
    assert {clock.now() for clock in clocks} == {START + timedelta(days=3)}


def test_released_clock_runs_as_real_time_does(tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    write_clock(path, START, 1.0, None)
    clock = FileClock(path)
    first, real = clock.now(), time.monotonic()
    while clock.now() == first:
        time.sleep(0.001)
    until = real + 0.2
    while time.monotonic() < until:
        time.sleep(0.01)
    assert (clock.now() - first).total_seconds() == pytest.approx(time.monotonic() - real, abs=0.1)


def test_readers_see_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    write_clock(path, START, 1.0, START)
    assert list(tmp_path.iterdir()) == [path]


def test_system_clock_is_aware_real_time() -> None:
    clock = SystemClock()
    assert clock.rate == 1.0
    assert abs((clock.now() - datetime.now(UTC)).total_seconds()) < 1
