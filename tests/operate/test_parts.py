"""Grafana's provisioning, the collector and the broker's job name each other rightly (none of them runs here)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.grafana.panels import trace_link
from tests.k8s.api_server import GIVEN, PROGRAMS, NoServer, api_server
from tests.operate.__main__ import on_api_server
from tests.operate.asked import PROMETHEUS, ROOT, dashboards, panels
from tests.operate.proof import Skipped

GRAFANA, COLLECTOR = ROOT / "deploy" / "grafana", ROOT / "deploy" / "collector"
CORE = {
    "receivers": {"otlp"},
    "processors": {"memory_limiter", "batch"},
    "exporters": {"otlp", "otlphttp", "debug", "nop"},
}  # of what the core distribution has, what we may use


def read(path: Path) -> dict[str, Any]:
    told: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return told


def sources() -> dict[str, dict[str, Any]]:
    told = read(GRAFANA / "provisioning" / "datasources" / "datasources.yaml")
    return {each["uid"]: each for each in told["datasources"]}


def test_panels_ask_a_provisioned_source_and_lead_to_a_provisioned_trace_store() -> None:
    for where, panel in panels():
        assert panel["datasource"]["uid"] in sources(), where
        links = panel["fieldConfig"]["defaults"].get("links", [])
        assert all("%22datasource%22:%22traces%22" in link["url"] for link in links), where
    assert sources()["traces"]["type"] == "jaeger"
    (exemplar,) = sources()["prometheus"]["jsonData"]["exemplarTraceIdDestinations"]
    assert exemplar["datasourceUid"] in sources()
    assert exemplar["name"] == "trace_id", "the label libs.metrics gives to exemplars"


def test_every_dashboard_leads_to_traces_and_latency_shows_exemplars() -> None:
    for name, told in dashboards().items():
        shown = [panel for panel in told["panels"] if panel["type"] != "row"]
        assert any(panel["fieldConfig"]["defaults"].get("links") for panel in shown), name
    latency = [
        target
        for _, panel in panels()
        for target in panel["targets"]
        if "histogram_quantile" in target["expr"]
    ]
    assert latency
    assert all(target["exemplar"] for target in latency)


def test_a_trace_link_keeps_grafanas_variables() -> None:
    url = trace_link("review/${__field.labels.department}")["url"]
    assert "review%2F${__field.labels.department}" in url
    assert "${__from}" in url


def test_the_collector_uses_only_what_the_core_distribution_has() -> None:
    told = read(COLLECTOR / "config.yaml")
    for part, allowed in CORE.items():
        assert {name.partition("/")[0] for name in told[part]} <= allowed
    for pipeline in told["service"]["pipelines"].values():
        for part in CORE:
            assert set(pipeline[part]) <= set(told[part])
        assert pipeline["processors"][0] == "memory_limiter"


def test_the_collector_sends_where_the_store_listens() -> None:
    store = read(COLLECTOR / "traces.yaml")
    port = store["receivers"]["otlp"]["protocols"]["grpc"]["endpoint"].rpartition(":")[2]
    endpoint = read(COLLECTOR / "config.yaml")["exporters"]["otlp/store"]["endpoint"]
    assert endpoint == f"${{env:TRACE_STORE:-traces:{port}}}"
    asked_at = store["extensions"]["jaeger_query"]["http"]["endpoint"].rpartition(":")[2]
    assert sources()["traces"]["url"] == f"http://traces:{asked_at}"


def test_somebody_is_told_of_every_severity_and_one_cause_calls_once() -> None:
    told = read(PROMETHEUS / "alertmanager.yml")
    receivers = {each["name"] for each in told["receivers"]}
    routed = [told["route"], *told["route"]["routes"]]
    assert {each["receiver"] for each in routed} == receivers
    assert told["route"]["routes"][0]["matchers"] == ['severity="page"']


def test_without_an_api_server_the_proof_says_so_and_how_to_give_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (PROGRAMS, GIVEN):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(Skipped, match=f"{PROGRAMS}.*{GIVEN}.*docs/kubernetes.md"):
        on_api_server()


def test_programs_that_are_not_there_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(GIVEN, raising=False)
    monkeypatch.setenv(PROGRAMS, str(tmp_path))
    with pytest.raises(NoServer, match="there is no kube-apiserver"), api_server(tmp_path):
        pass
