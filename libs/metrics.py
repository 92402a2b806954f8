"""What every service counts about its backbone; domain figures live with each service."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

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
SET_ASIDE = Gauge("permit_set_aside_events", "Events given up and waiting for a person")
READY = Gauge("permit_ready_state", "1 while the service is ready")
HTTP_SECONDS = Histogram(
    "permit_http_request_seconds", "Requests by route and status", ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)  # fmt: skip
