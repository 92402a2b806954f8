"""What figures show: exactly what is there now, errors from the first one on, and the trace a request left."""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import REGISTRY, CollectorRegistry, Gauge

from libs.metrics import observe_request, show


def test_what_is_no_longer_there_is_no_longer_shown() -> None:
    registry = CollectorRegistry()
    gauge = Gauge("permit_test_cases", "For a test", ["item", "state"], registry=registry)
    show(gauge, {("drainage", "accepted"): 2, ("drainage", "received"): 1})
    show(gauge, {("drainage", "accepted"): 3})
    assert registry.get_sample_value("permit_test_cases", {"item": "drainage", "state": "accepted"}) == 3
    assert registry.get_sample_value("permit_test_cases", {"item": "drainage", "state": "received"}) is None


def test_errors_are_shown_before_there_is_one_and_only_ours_count() -> None:
    def errors() -> float:
        found = REGISTRY.get_sample_value("permit_http_errors_total")
        assert found is not None
        return found

    before = errors()
    observe_request("GET", "/api/test", 404, 0.01)
    assert errors() == before
    observe_request("GET", "/api/test", 503, 0.01)
    assert errors() == before + 1


def test_a_request_leads_to_its_trace() -> None:
    tracer = TracerProvider().get_tracer("test")
    with tracer.start_as_current_span("a request") as span:
        observe_request("GET", "/api/traced", 200, 0.003)
        wanted = f"{span.get_span_context().trace_id:032x}"
    assert not trace.get_current_span().get_span_context().is_valid
    exemplars = [
        sample.exemplar.labels
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.labels.get("route") == "/api/traced" and sample.exemplar
    ]
    assert exemplars == [{"trace_id": wanted}]
