"""Trace context as text: what an outbox row, an event and a record carry so that one case is one tree.

Whether a trace is kept is decided where it begins (`Beginnings`); a deed within a trace that is not kept makes
no span, it only hands the context on, which costs next to nothing.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")
_TRACER = trace.get_tracer("onewindow")
_MOST_NAMES = 500


class Beginnings(Sampler):
    """Keeps of the traces that begin under one name at most ``per_s`` a second, after a burst of ten seconds'.

    A center at its ordinary pace keeps every trace; in a flood the traces thin out, not the service.
    """

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._most = per_s * 10
        self._left: dict[str, tuple[float, float]] = {}

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: object = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Whether this trace is kept (called for the first span of a trace only)."""
        now = time.monotonic()
        key = name if name in self._left or len(self._left) < _MOST_NAMES else ""
        left, at = self._left.get(key, (self._most, now))
        left = min(self._most, left + (now - at) * self._per_s)
        kept = left >= 1.0
        self._left[key] = (left - 1.0 if kept else left, now)
        return SamplingResult(Decision.RECORD_AND_SAMPLE if kept else Decision.DROP)

    def get_description(self) -> str:
        """For the SDK."""
        return f"Beginnings({self._per_s:g}/s)"


def traceparent(span: Span) -> str | None:
    """The W3C traceparent of a span; None where tracing is off."""
    own = span.get_span_context()
    return f"00-{own.trace_id:032x}-{own.span_id:016x}-{own.trace_flags:02x}" if own.is_valid else None


def context(parent: str | None) -> Context:
    """The context a traceparent names; an empty one for None or nonsense."""
    found = _TRACEPARENT.fullmatch(parent) if parent else None
    if found is None:
        return Context()
    flags = TraceFlags(int(found[3], 16))
    own = SpanContext(int(found[1], 16), int(found[2], 16), is_remote=True, trace_flags=flags)
    return trace.set_span_in_context(trace.NonRecordingSpan(own), Context())


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


def start(
    name: str, parent: Context | None, links: Sequence[Link], subject: str | None, begun_ns: int
) -> Span:
    """A new span that began at ``begun_ns`` (Unix nanoseconds); a root when ``parent`` holds none."""
    within = parent or Context()
    of = trace.get_current_span(within).get_span_context()
    if of.is_valid and not of.trace_flags.sampled:
        return trace.NonRecordingSpan(of)
    attributes = {"onewindow.subject": subject} if subject else {}
    return _TRACER.start_span(name, context=within, links=links, attributes=attributes, start_time=begun_ns)


def failed(span: Span, reason: BaseException) -> None:
    """Note on the span why the deed was off (type and code, never personal data)."""
    span.set_status(Status(StatusCode.ERROR, type(reason).__name__))
    span.set_attribute("onewindow.refusal", getattr(reason, "code", type(reason).__name__))
