"""One application through five houses: granted, paid, delivered, proved, audited, and one connected trace."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.launcher.story.acts import Story
from deploy.launcher.story.play import new_story, play
from deploy.launcher.story.script import Application, in_hours
from tests.center import WholeCenter
from tests.flow import case_trace
from tests.waiting import until

HERE = Path(__file__).parent
VERIFIER = HERE.parents[1] / "deploy" / "verify" / "verify.py"
FACTS = {
    "area_m2": "120",
    "starts_on": "2026-02-10",
    "ends_on": "2026-03-27",
    "days": 45,
    "zone": "2",
    "use": "other",
}


@pytest.fixture(scope="module")
def told(center: WholeCenter) -> tuple[Story, str]:
    """A road occupation from the form to the delivered permit; the story and its case id."""
    story, _ = new_story(center.cast)
    arrives = in_hours(center.now + timedelta(hours=1), story.working_day)
    plan = Application(1001, "road-occupation", "applicant-01", "online", arrives, 0.3, FACTS)
    center.run(play(center.center.clock, story, [plan]))
    center.settle()
    assert story.notes == []
    return story, story.case_ids[1001]


def test_it_is_granted_paid_and_delivered(center: WholeCenter, told: tuple[Story, str]) -> None:
    case = center.read("applicant-01", f"{center.site('intake')}/api/cases/{told[1]}")
    assert (case["state"], case["decision"]["decision"], case["fee_state"]) == (
        "delivered",
        "granted",
        "settled",
    )
    assert case["charge"]["total_fen"] == 1_080_000  # 120 m² × 45 days × 2.00, as the sample tariff gives it
    assert case["waits_for"] == []
    assert {paper["kind"] for paper in case["documents"]} >= {"receipt", "acceptance", "permit"}


def test_every_voucher_has_its_proof(center: WholeCenter, told: tuple[Story, str], tmp_path: Path) -> None:
    case = center.read("applicant-01", f"{center.site('intake')}/api/cases/{told[1]}")
    vouchers = [paper for paper in case["documents"] if paper["kind"] in ("receipt", "acceptance")]
    assert len(vouchers) == 2
    assert all(paper["proof"] for paper in vouchers)
    key = center.run(center.cast.text(f"{center.site('disclosure')}/log/key")).strip()
    audit = subprocess.run(
        [sys.executable, str(VERIFIER), "audit", center.site("disclosure"), key],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert audit.returncode == 0, audit.stdout + audit.stderr


def test_someone_elses_case_looks_like_a_missing_one(center: WholeCenter, told: tuple[Story, str]) -> None:
    async def answer(case_id: str) -> dict[str, Any]:
        url = f"{center.site('intake')}/api/cases/{case_id}"
        headers = {"Authorization": f"Bearer {await center.cast.token('applicant-02')}"}
        response = await center.cast.http.get(url, headers=headers)
        return {
            "status": response.status_code,
            **{k: v for k, v in response.json().items() if k != "trace_id"},
        }

    assert center.run(answer(told[1])) == center.run(answer("0" * 32))


def test_its_trace_is_one_connected_tree_as_expected(center: WholeCenter, told: tuple[Story, str]) -> None:
    folder = center.center.run_dir / "traces"
    wanted = case_trace.expected_shape()
    matched = until(lambda: case_trace.read(folder, told[1]).shape == wanted, seconds=20, must=False)
    found = case_trace.read(folder, told[1])
    assert len(found.roots) == 1, "the trace of one case must have one root"
    assert matched, f"{json.dumps(found.shape, indent=1)}\n≠\n{json.dumps(wanted, indent=1)}"
    assert not found.wrong_links()


def test_its_trace_shows_the_way_of_every_event(center: WholeCenter, told: tuple[Story, str]) -> None:
    folder = center.center.run_dir / "traces"
    until(lambda: case_trace.read(folder, told[1]).missing_ways() == [], seconds=20, must=False)
    found = case_trace.read(folder, told[1])
    assert found.missing_ways() == []
    assert len([span for span in found.ways if span["name"].startswith("publish ")]) >= 15


def test_the_audit_agrees(center: WholeCenter, told: tuple[Story, str]) -> None:
    report = center.audit()
    assert report.clean, "\n".join(report.lines())
