"""Trace context as text: what an outbox row, an event and a record carry so that one case is one tree."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanContext, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_PROPAGATOR = TraceContextTextMapPropagator()
_TRACER = trace.get_tracer("onewindow")


def traceparent(span: Span) -> str | None:
    """The W3C traceparent of a span; None where tracing is off."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, trace.set_span_in_context(span, Context()))
    return carrier.get("traceparent")


def context(parent: str | None) -> Context:
    """The context a traceparent names; an empty one for None or nonsense."""
    return _PROPAGATOR.extract({"traceparent": parent} if parent else {}, Context())


def parse(parent: str | None) -> SpanContext | None:
    """The span a traceparent names, if it names one."""
    return span_context(context(parent))


def span_context(within: Context | None) -> SpanContext | None:
    """The span of a context, if it has a real one."""
    if within is None:
        return None
    found = trace.get_current_span(within).get_span_context()
    return found if found.is_valid else None


def under(parent: SpanContext) -> Context:
    """A context whose current span is ``parent``."""
    return trace.set_span_in_context(trace.NonRecordingSpan(parent), Context())


def start(name: str, parent: Context | None, links: Sequence[Link], subject: str | None, begun_ns: int) -> Span:
    """A new span that began at ``begun_ns`` (Unix nanoseconds); a root when ``parent`` holds none."""
    attributes = {"onewindow.subject": subject} if subject else {}
    within = parent or Context()
    return _TRACER.start_span(name, context=within, links=links, attributes=attributes, start_time=begun_ns)


def failed(span: Span, reason: BaseException) -> None:
    """Note on the span why the deed was off (type and code, never personal data)."""
    span.set_status(Status(StatusCode.ERROR, type(reason).__name__))
    span.set_attribute("onewindow.refusal", getattr(reason, "code", type(reason).__name__))
