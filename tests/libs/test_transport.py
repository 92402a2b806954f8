"""A message's span hangs below the deed that said its first kept event and is linked to all; without one, none."""

from __future__ import annotations

import json

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from libs import transport

FIRST, SECOND = "21ff39f0997dbbc8bd1559e7594a2504", "31ff39f0997dbbc8bd1559e7594a2504"


def message(*parents: str | None) -> bytes:
    events = [{"id": str(number), "traceparent": parent} for number, parent in enumerate(parents)]
    return json.dumps(events, separators=(",", ":")).encode()


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(transport, "_TRACER", provider.get_tracer("test"))
    return exporter


def only(kept: InMemorySpanExporter) -> ReadableSpan:
    (span,) = kept.get_finished_spans()
    return span


def test_a_message_of_two_cases_hangs_below_the_first_and_is_linked_to_both(
    kept: InMemorySpanExporter,
) -> None:
    # 03 is what the SDK writes today: sampled, and the trace id is random
    body = message(f"00-{FIRST}-5f0c2b7d9a41e683-03", f"00-{SECOND}-6f0c2b7d9a41e683-01")
    transport.sent(
        transport.sending(body, "fee.charge_assessed.v1", "permit", "fee.charge_assessed.v1"), None
    )
    span = only(kept)
    assert span.name == "publish fee.charge_assessed.v1"
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == "5f0c2b7d9a41e683"
    assert [f"{link.context.trace_id:032x}" for link in span.links] == [FIRST, SECOND]
    assert dict(span.attributes or {})["messaging.destination.name"] == "permit"


def test_where_no_trace_is_kept_there_is_no_span(kept: InMemorySpanExporter) -> None:
    body = message(f"00-{FIRST}-5f0c2b7d9a41e683-00", None)
    transport.sent(transport.sending(body, "x.y.v1", "permit", "x.y.v1"), "TimeoutError")
    transport.received(body, "intake", 1, False)
    assert kept.get_finished_spans() == ()


def test_a_message_the_broker_did_not_confirm_is_marked(kept: InMemorySpanExporter) -> None:
    body = message(f"00-{FIRST}-5f0c2b7d9a41e683-03")
    transport.sent(transport.sending(body, "x.y.v1", "permit", "x.y.v1"), "TimeoutError")
    assert only(kept).status.description == "TimeoutError"


def test_a_received_message_began_when_it_was_taken(kept: InMemorySpanExporter) -> None:
    transport.received(message(f"00-{FIRST}-5f0c2b7d9a41e683-03"), "review.fire", 1_000, True)
    span = only(kept)
    assert (span.name, span.start_time) == ("receive review.fire", 1_000)
    assert dict(span.attributes or {})["messaging.rabbitmq.redelivered"] == "true"
