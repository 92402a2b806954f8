"""Rules, panels and runbooks, without a server: they parse, name what exists, and none is missing."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import typer
import yaml
from prometheus_client import REGISTRY

from deploy.grafana.__main__ import written as dashboards_written
from deploy.healing import Healer
from deploy.launcher.cli import app as onewindow
from deploy.prometheus.targets import CENTER, all_departments, written
from tests.operate.asked import (
    PROMETHEUS,
    ROOT,
    RULE_TESTS,
    RULES,
    RUNBOOKS,
    Asked,
    alerts,
    metrics,
    panels,
    recorded,
    rules,
    targets,
)

PROGRAMS = {
    "curl", "df", "docker", "kubectl", "pg_dump", "promtool", "psql", "rabbitmq-diagnostics", "rabbitmqctl",
}  # fmt: skip
OTHERS = ("rabbitmq_", "prometheus_", "process_", "up", "ALERTS")
SUFFIXES = ("_total", "_bucket", "_sum", "_count")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
needs_promtool = pytest.mark.skipif(
    not shutil.which("promtool"), reason="no promtool here: apt-get install -y prometheus"
)


def every_expression() -> list[Asked]:
    """Panels', recording rules' and alerts' expressions, variables filled in."""
    asked = [Asked(name, rule["expr"]) for name, rule in alerts().items()]
    return [*targets({"department": "fire"}), *recorded(), *asked]


def shown_by_services() -> set[str]:
    """The name of every metric that our services, and whoever looks for lost deliveries, register."""
    for service in ("intake", "review", "fee", "disclosure", "supervision"):
        importlib.import_module(f"services.{service}.timers")
    importlib.import_module("services.review.materials")
    healer: Any = Healer(None, None)  # type: ignore[arg-type]  # nothing is compared here
    return {metric.name for registry in (REGISTRY, healer.registry) for metric in registry.collect()}


@pytest.mark.parametrize("asked", every_expression(), ids=lambda each: each.where)
def test_an_expression_parses(asked: Asked) -> None:
    promql_parser.parse(asked.expr)


def test_every_metric_asked_for_is_shown_by_somebody() -> None:
    shown = shown_by_services()
    known = {each.where for each in recorded()}

    def is_known(name: str) -> bool:
        bare = next((name.removesuffix(each) for each in SUFFIXES if name.endswith(each)), name)
        return name in known or name in shown or bare in shown or name.startswith(OTHERS)

    asked = {name for each in every_expression() for name in metrics(each.expr)}
    assert len(asked) > 60
    assert sorted(name for name in asked if not is_known(name)) == []


def test_every_figure_of_ours_is_looked_at_by_somebody() -> None:
    asked = {name for each in every_expression() for name in metrics(each.expr)}
    ours = {name for name in shown_by_services() if name.startswith("permit_")}
    looked_at = {name for name in ours if any(each.startswith(name) for each in asked)}
    assert ours - looked_at == set()


def test_every_recorded_series_is_used() -> None:
    asked = {name for each in every_expression() for name in metrics(each.expr)}
    assert {each.where for each in recorded()} - asked == set()


@pytest.mark.parametrize("name", sorted(alerts()))
def test_an_alert_says_whom_it_calls_and_what_to_do(name: str) -> None:
    rule = alerts()[name]
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert CHINESE.search(rule["annotations"]["summary_zh"])
    assert not CHINESE.search(rule["annotations"]["summary"])
    assert rule["annotations"]["runbook_url"] == f"docs/runbooks/{name}.md"


@pytest.mark.parametrize("name", sorted(alerts()))
def test_an_alert_is_shown_to_fire_and_not_to_fire(name: str) -> None:
    cases = [
        case
        for path in RULE_TESTS
        for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]
        for case in test.get("alert_rule_test", [])
        if case["alertname"] == name
    ]
    assert [case for case in cases if case.get("exp_alerts")], "no case in which it fires"
    assert [case for case in cases if not case.get("exp_alerts")], "no case in which it does not"


@pytest.mark.parametrize("name", sorted(alerts()))
def test_a_runbook_has_first_steps_whose_commands_exist(name: str) -> None:
    text = (RUNBOOKS / f"{name}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {name}\n")
    assert re.search(r"^1\. ", text.partition("## First steps")[2], re.MULTILINE)
    commands = commands_of(text)
    assert commands
    assert [command for command in commands if not exists(command)] == []


def commands_of(text: str) -> list[str]:
    """Every command of a page: the lines of its blocks, and what stands between backticks as a verb of ours."""
    lines = [
        line.partition(" #")[0].strip()
        for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
        for line in block.splitlines()
    ]
    spoken = re.findall(r"`((?:onewindow|make) [^`]+)`", text)
    return [line for line in lines if line] + spoken


def exists(command: str) -> bool:
    """Whether the command is one of ours that exists, or a known program; addresses of ours must be routes."""
    words = command.split()
    match words:
        case ["onewindow", *rest]:
            return _is_verb(typer.main.get_command(onewindow), rest)
        case ["make", target, *_]:
            return re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE) is not None
        case ["curl", *rest]:
            return all(_is_route(url) for url in rest if "://" in url)
    return words[0] in PROGRAMS


def _is_verb(command: Any, words: list[str]) -> bool:
    below = getattr(command, "commands", None)
    if below is None or not words or words[0] not in below:
        return below is None or not words
    return _is_verb(below[words[0]], words[1:])


def _is_route(url: str) -> bool:
    found = re.match(r"'?http://([\w-]+):(\d+)(/[^'? ]*)", url)
    assert found, url
    if found[2] != "8000":
        return True  # Prometheus and the collector have routes of their own
    matrix = yaml.safe_load((ROOT / "contracts" / "access.yaml").read_text(encoding="utf-8"))
    routes = {**matrix["every_service"], **matrix["services"].get(found[1], {})}
    return f"GET {found[3]}" in routes


def test_a_planted_command_that_does_not_exist_is_seen() -> None:
    text = "```sh\nonewindow letters\nonewindow repair\nmake nothing\ncurl -s http://fee:8000/nowhere\nfrobnicate\n```"
    missing = [command for command in commands_of(text) if not exists(command)]
    assert missing == ["onewindow repair", "make nothing", "curl -s http://fee:8000/nowhere", "frobnicate"]


def test_there_is_no_runbook_without_its_alert() -> None:
    assert {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"} == set(alerts())


@pytest.mark.parametrize(("where", "panel"), panels(), ids=lambda each: each if isinstance(each, str) else "")
def test_a_panel_explains_itself_in_both_languages(where: str, panel: dict[str, Any]) -> None:
    title = panel["title"]
    assert CHINESE.search(title.partition(" · ")[0])
    assert re.search(r"[A-Za-z]{3}", title.partition(" · ")[2])
    assert CHINESE.search(panel["description"])
    assert re.search(r"[A-Za-z ]{12}", panel["description"])
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"]


def test_dashboards_and_targets_are_those_that_are_generated() -> None:
    assert {path: path.read_text(encoding="utf-8") for path in dashboards_written()} == dashboards_written()
    assert CENTER.read_text(encoding="utf-8") == written(all_departments())


def test_no_two_rules_have_one_name() -> None:
    names = [rule.get("alert") or rule["record"] for _, rule in rules()]
    assert len(names) == len(set(names))


@needs_promtool
def test_promtool_finds_the_configuration_and_the_rules_correct() -> None:
    told = promtool("check", "config", "--lint=all", str(PROMETHEUS / "prometheus.yml"))
    assert told.count("SUCCESS") == 2 + len(RULES), told


@needs_promtool
def test_every_alert_fires_and_is_silent_where_it_should() -> None:
    told = promtool("test", "rules", *map(str, RULE_TESTS))
    assert told.count("SUCCESS") == len(RULE_TESTS), told


@needs_promtool
def test_an_alert_that_should_fire_and_does_not_is_seen(tmp_path: Path) -> None:
    planted = (PROMETHEUS / "tests" / "broker.yaml").read_text(encoding="utf-8")
    planted = planted.replace("../rules", str(PROMETHEUS / "rules")).replace("1x20'", "0x20'")
    (tmp_path / "planted.yaml").write_text(planted, encoding="utf-8")
    assert "FAILED" in promtool("test", "rules", str(tmp_path / "planted.yaml"))


def promtool(*arguments: str) -> str:
    """What promtool says."""
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False, timeout=120)
    return done.stdout + done.stderr
