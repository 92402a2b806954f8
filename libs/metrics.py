"""What every service counts about its backbone; domain figures live with each service.

No label carries a case, a person or free text: routes are templates, events and errors are names of ours. What a
process did is a counter or a histogram and is summed over replicas. What stands in the database is a gauge that
every replica reads for itself: all show the same number, so one takes the largest, never the sum
(deploy/prometheus/rules does).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from opentelemetry import trace
from prometheus_client import Counter, Gauge, Histogram

Labels = TypeVar("Labels", bound=tuple[str, ...])
DEEDS = Counter("permit_deeds", "Deeds by outcome", ["outcome"])
SHARED = Histogram(
    "permit_shared_commit_deeds",
    "Deeds that shared one commit",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
)
SENT = Counter("permit_events_sent", "Events confirmed by the broker", ["event"])
SEND_FAILURES = Counter("permit_event_send_failures", "Messages the broker did not confirm", ["error"])
HEARD = Counter("permit_events_heard", "Events taken from the queue", ["event"])
UNREADABLE = Counter("permit_events_unreadable", "Elements of messages that were no events")
OUTBOX_UNSENT = Gauge("permit_outbox_unsent_events", "Events committed and not yet confirmed by the broker")
OUTBOX_LAG = Gauge("permit_outbox_lag_seconds", "Age of the oldest event not yet confirmed")
PARKED = Gauge("permit_parked_events", "Events waiting for a predecessor")
PARKED_AGE = Gauge("permit_parked_age_seconds", "Age of the event that has waited longest for a predecessor")
SET_ASIDE = Gauge("permit_set_aside_events", "Events given up and waiting for a person")
DEAD_LETTERS = Gauge("permit_dead_letter_messages", "Messages in this hearer's dead-letter queue")
DEAD_TAKEN = Counter("permit_dead_letter_events", "Events taken out of the dead-letter queue", ["outcome"])
REPLAYS = Counter("permit_replays", "Letters heard again or closed by a person", ["outcome"])
RESENT = Counter("permit_events_resent", "Events sent again because a hearer never got them", ["event"])
READY = Gauge("permit_ready_state", "1 while the service is ready")
WAITING = Gauge("permit_deeds_waiting", "Deeds of this process that wait for their commit or are handled")
LOOP_DELAY = Gauge("permit_loop_delay_seconds", "How much later than asked this process's event loop woke up")
DATABASE_SIZE = Gauge("permit_database_size_bytes", "What the service's database takes on its disk")
HTTP_SECONDS = Histogram(
    "permit_http_request_seconds", "Requests by route and status", ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)  # fmt: skip
# Without labels, so that it is there as 0 before the first error: the rate of a series that begins with its
# first error does not show that error.
HTTP_ERRORS = Counter("permit_http_errors", "Requests answered with a status of 500 or more")


def show(gauge: Gauge, figures: Mapping[Labels, float]) -> None:
    """Let ``gauge`` show exactly these figures by label values; what is no longer there is no longer shown."""
    gauge.clear()
    for labels, figure in figures.items():
        gauge.labels(*labels).set(figure)


def observe_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count a request; the trace it left is the exemplar by which one gets from a panel to the trace."""
    span = trace.get_current_span().get_span_context()
    exemplar = {"trace_id": f"{span.trace_id:032x}"} if span.is_valid and span.trace_flags.sampled else None
    HTTP_SECONDS.labels(method, route, str(status)).observe(seconds, exemplar)
    if status >= 500:
        HTTP_ERRORS.inc()
