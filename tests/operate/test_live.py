"""A real center at work under a real Prometheus: every panel and every rule has data, and leads to the traces."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.launcher.traces import read_spans
from tests.center import WholeCenter
from tests.operate.asked import Asked, choices, needed_by_alerts, needed_by_panels, recorded, targets
from tests.operate.load import LEAD, work
from tests.operate.watching import Watcher, installed, watching
from tests.waiting import until

pytestmark = pytest.mark.skipif(not installed(), reason="no Prometheus here: apt-get install -y prometheus")
PATIENCE_S = 45  # figures are read every ten seconds, scraped every two, recorded every two
MOST_SERIES = 1500  # of one process; what a year of work may not multiply


@pytest.fixture(scope="module")
def watcher(center: WholeCenter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watcher]:
    """Prometheus over the center, after some cases went through it."""
    folder: Path = tmp_path_factory.mktemp("prometheus")
    with watching(center.center, folder) as found:
        work(center, 7)
        yield found


def without_data(center: WholeCenter, watcher: Watcher, wanted: list[Asked]) -> list[str]:
    """Those that still have no data when patience is over; the public keeps coming, or a rate would be 0 of 0."""
    left = list(wanted)

    def nothing_left() -> bool:
        center.read(None, f"{center.site('disclosure')}/api/items")
        left[:] = [each for each in left if not watcher.has_data(each.expr)]
        return not left

    until(nothing_left, seconds=PATIENCE_S, must=False)
    return [f"{each.where}: {each.expr}" for each in left]


def test_every_panel_has_data(center: WholeCenter, watcher: Watcher) -> None:
    wanted = targets({"department": LEAD})
    assert len(wanted) > 90
    assert without_data(center, watcher, [*wanted, *needed_by_panels({"department": LEAD})]) == []


def test_every_rule_has_data_and_evaluates(center: WholeCenter, watcher: Watcher) -> None:
    assert without_data(center, watcher, [*recorded(), *needed_by_alerts()]) == []
    assert watcher.unhealthy_rules() == []


def test_a_center_at_work_wakes_nobody(watcher: Watcher) -> None:
    assert watcher.firing("page") == []


@pytest.mark.parametrize("choice", choices(), ids=lambda each: f"{each.where}-{each.name}")
def test_every_variable_offers_a_choice(watcher: Watcher, choice: object) -> None:
    found = watcher.values(choice.label, choice.metric)  # type: ignore[attr-defined]
    assert len([value for value in found if value]) >= 2


def test_a_point_of_the_latency_panel_leads_to_a_trace(center: WholeCenter, watcher: Watcher) -> None:
    def both() -> bool:
        shown = watcher.exemplar_traces("permit_http_request_seconds_bucket")
        kept = {span["trace_id"] for span in read_spans(center.center.run_dir / "traces")}
        return bool(shown & kept)

    assert until(both, seconds=20, must=False)


def test_no_label_carries_a_case_and_no_process_shows_too_much(center: WholeCenter, watcher: Watcher) -> None:
    series = watcher.series('{job="onewindow"}')
    assert len(series) > 1000
    of_cases = re.compile(r"[0-9a-f]{32}|[A-Z]{2}-20\d\d-\d+|applicant-\d+")
    assert [each for each in series if any(of_cases.search(value) for value in each.values())] == []
    by_process: dict[str, int] = {}
    for each in series:
        by_process[each["instance"]] = by_process.get(each["instance"], 0) + 1
    assert len(by_process) == len(center.center.houses)
    assert max(by_process.values()) < MOST_SERIES, by_process
