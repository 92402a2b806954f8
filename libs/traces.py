"""Trace context as text: what an outbox row, an event and a record carry so that one case is one tree.

Whether a trace is kept is decided where it begins (`Beginnings`); a deed within a trace that is not kept makes
no span, it only hands the context on, which costs next to nothing.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from functools import lru_cache

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


class Origin:
    """The span a deed comes from: its W3C text, which is all that is handed on where the trace is not kept."""

    __slots__ = ("_context", "kept", "text")

    def __init__(self, text: str, kept: bool, context: Context | None = None) -> None:
        self.text = text
        self.kept = kept
        self._context = context

    @property
    def context(self) -> Context:
        """The context whose current span is this one."""
        if self._context is None:
            _, trace_id, span_id, flags = self.text.split("-")
            own = SpanContext(int(trace_id, 16), int(span_id, 16), True, TraceFlags(int(flags, 16)))
            self._context = trace.set_span_in_context(trace.NonRecordingSpan(own), Context())
        return self._context

    @property
    def span_context(self) -> SpanContext:
        """The span itself."""
        return trace.get_current_span(self.context).get_span_context()


@lru_cache(4096)  # in a flood the events of one case come with one traceparent
def origin(parent: str | None) -> Origin | None:
    """The span a traceparent names; None for None or nonsense."""
    found = _TRACEPARENT.fullmatch(parent) if parent else None
    return Origin(found[0], int(found[3], 16) & 1 == 1) if found else None


def origin_of(within: Context) -> Origin | None:
    """The current span of a context, if it has a real one."""
    span = trace.get_current_span(within)
    text = traceparent(span)
    return Origin(text, span.get_span_context().trace_flags.sampled, within) if text else None


def origin_of_span(span: Span) -> Origin | None:
    """A span of ours; None where tracing is off."""
    text = traceparent(span)
    return Origin(text, span.get_span_context().trace_flags.sampled) if text else None


def start(
    name: str, parent: Origin | None, links: Sequence[Link], subject: str | None, begun_ns: int
) -> Span:
    """A new span that began at ``begun_ns`` (Unix nanoseconds); a root when there is no ``parent``."""
    if parent is not None and not parent.kept:
        return trace.NonRecordingSpan(parent.span_context)
    within = parent.context if parent else Context()
    attributes = {"onewindow.subject": subject} if subject else {}
    return _TRACER.start_span(name, context=within, links=links, attributes=attributes, start_time=begun_ns)


def failed(span: Span, reason: BaseException) -> None:
    """Note on the span why the deed was off (type and code, never personal data)."""
    span.set_status(Status(StatusCode.ERROR, type(reason).__name__))
    span.set_attribute("onewindow.refusal", getattr(reason, "code", type(reason).__name__))
