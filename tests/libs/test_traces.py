"""Whether a trace is kept is decided where it begins; a deed in one that is not kept makes no span."""

from __future__ import annotations

import time

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased

from libs import traces

KEPT = "00-21ff39f0997dbbc8bd1559e7594a2504-5f0c2b7d9a41e683-01"
NOT_KEPT = KEPT[:-2] + "00"


def tracing(per_s: float) -> tuple[TracerProvider, InMemorySpanExporter]:
    """A provider that keeps so many beginnings, and what it kept."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(sampler=ParentBased(traces.Beginnings(per_s)))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider, exporter


def test_a_flood_of_one_name_is_thinned_out_and_leaves_the_others_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    provider, exporter = tracing(2.0)
    tracer = provider.get_tracer("test")
    for _ in range(100):
        tracer.start_span("file", context=Context()).end()
    assert len(exporter.get_finished_spans()) == 20, "a burst of ten seconds' worth"
    tracer.start_span("look", context=Context()).end()
    assert len(exporter.get_finished_spans()) == 21
    now += 3.0
    for _ in range(100):
        tracer.start_span("file", context=Context()).end()
    assert len(exporter.get_finished_spans()) == 27, "two a second from then on"


def test_nothing_is_kept_where_traces_go_nowhere() -> None:
    provider, exporter = tracing(0.0)
    span = provider.get_tracer("test").start_span("file", context=Context())
    span.end()
    assert exporter.get_finished_spans() == ()
    told = traces.traceparent(span)
    assert told is not None
    assert int(told[-2:], 16) & 1 == 0, "it is not kept, but has an id to be found by"


def test_a_deed_in_a_trace_that_is_not_kept_hands_its_context_on(monkeypatch: pytest.MonkeyPatch) -> None:
    provider, exporter = tracing(100.0)
    monkeypatch.setattr(traces, "_TRACER", provider.get_tracer("onewindow"))
    span = traces.start("on something", traces.origin(NOT_KEPT), [], "case", time.time_ns())
    assert traces.traceparent(span) == NOT_KEPT
    span.end()
    assert exporter.get_finished_spans() == ()
    kept = traces.start("on something", traces.origin(KEPT), [], "case", time.time_ns())
    kept.end()
    (found,) = exporter.get_finished_spans()
    assert found.parent is not None
    assert f"{found.parent.span_id:016x}" == KEPT.split("-")[2]


@pytest.mark.parametrize("text", [None, "", "nonsense", "00-" + "0" * 32 + "-5f0c2b7d9a41e683-01", KEPT + "-more"])
def test_what_names_no_span_is_no_parent(text: str | None) -> None:
    assert traces.origin(text) is None
