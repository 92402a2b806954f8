"""Spans of the way between two services: a message as the relay hands it to the broker, and as a queue gives it up.

One span per message, however many events travel in it: it hangs below the deed that said the first of them and is
linked to every deed that said one. Where no trace is kept (by the flag in ``traceparent``), there is no span.
"""

from __future__ import annotations

import re
from itertools import islice

from opentelemetry import trace
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode

from libs import traces

_TRACER = trace.get_tracer("onewindow")
_KEPT = re.compile(rb'"traceparent":\s*"(00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f][13579bdf])"')
MOST_LINKS = 64


def sending(body: bytes, event_type: str, exchange: str, key: str) -> Span | None:
    """A message of the outbox on its way to the broker; end it with ``sent``."""
    about = {
        "messaging.operation.type": "send",
        "messaging.destination.name": exchange,
        "messaging.rabbitmq.destination.routing_key": key,
    }
    return _span(SpanKind.PRODUCER, f"publish {event_type}", body, about, None)


def sent(span: Span | None, failure: str | None) -> None:
    """The broker has confirmed the message, or it was refused or lost: the outbox will send it again."""
    if span is not None:
        if failure is not None:
            span.set_status(Status(StatusCode.ERROR, failure))
        span.end()


def received(body: bytes, queue: str, begun_ns: int, redelivered: bool) -> None:
    """A message was taken from the queue at ``begun_ns`` (Unix nanoseconds), and now everything in it is settled."""
    about = {
        "messaging.operation.type": "process",
        "messaging.destination.name": queue,
        "messaging.rabbitmq.redelivered": str(redelivered).lower(),
    }
    span = _span(SpanKind.CONSUMER, f"receive {queue}", body, about, begun_ns)
    if span is not None:
        span.end()


def _span(kind: SpanKind, name: str, body: bytes, about: dict[str, str], begun_ns: int | None) -> Span | None:
    said_by = [traces.origin(found[1].decode()) for found in islice(_KEPT.finditer(body), MOST_LINKS)]
    kept = [origin for origin in said_by if origin is not None]
    if not kept:
        return None
    return _TRACER.start_span(
        name,
        context=kept[0].context,
        kind=kind,
        links=[Link(origin.span_context) for origin in kept],
        attributes={"messaging.system": "rabbitmq", **about},
        start_time=begun_ns,
    )
