"""What a collector's debug exporter writes is read back as the spans that went in."""

from __future__ import annotations

from deploy.compose.traced import read_log
from deploy.launcher.traces import trees_of

LOG = """\
2026-11-25T23:52:54.639Z	info	ResourceSpans #0
Resource SchemaURL: 
ResourceSpans #0
Resource SchemaURL: 
Resource attributes:
     -> telemetry.sdk.language: Str(python)
     -> service.name: Str(review/fire)
ScopeSpans #0
ScopeSpans SchemaURL: 
InstrumentationScope onewindow 
Span #0
    Trace ID       : c68b2b931304a56f2118a8ef5292c226
    Parent ID      : 0e5ed20178b0017e
    ID             : 007b5df058479644
    Name           : on intake.review_requested.v1
    Kind           : Internal
    Start time     : 2026-11-25 23:52:54.97997316 +0000 UTC
    End time       : 2026-11-25 23:52:54.980010306 +0000 UTC
    Status code    : Error
    Status message : no
Events:
SpanEvent #0
     -> Name: exception
     -> Attributes::
          -> exception.type: Str(KeyError)
Links:
SpanLink #0
     -> Trace ID: c68b2b931304a56f2118a8ef5292c226
     -> ID: 0e5ed20178b0017e
     -> TraceState: 
ResourceSpans #1
Resource SchemaURL: 
Resource attributes:
     -> service.name: Str(intake)
ScopeSpans #0
Span #0
    Trace ID       : c68b2b931304a56f2118a8ef5292c226
    Parent ID      : 
    ID             : 0e5ed20178b0017e
    Name           : POST /api/applications
    Start time     : 2026-11-25 23:52:54 +0000 UTC
    End time       : 2026-11-25 23:52:55.001221933 +0000 UTC
    Status code    : Unset
Attributes:
     -> case_id: Str(a: b (c))
     -> number: Int(3)
Span #1
    Trace ID       : d68b2b931304a56f2118a8ef5292c226
    Parent ID      : 
    ID             : 1e5ed20178b0017e
    Name           : GET /healthz
    Start time     : 2026-11-25 23:52:54 +0000 UTC
    End time       : 2026-11-25 23:52:55 +0000 UTC
    Status code    : Unset
	{"resource": {"service.name": "otelcol"}, "otelcol.component.id": "debug"}
"""


def test_spans_are_read_with_their_service_parent_links_and_attributes() -> None:
    child, parent, other = read_log(LOG)
    assert (child["service"], child["name"], child["status"]) == (
        "review/fire", "on intake.review_requested.v1", "ERROR",
    )  # fmt: skip
    assert (child["parent_id"], child["links"]) == (parent["span_id"], [{"span_id": parent["span_id"]}])
    assert (parent["parent_id"], parent["service"]) == (None, "intake")
    assert parent["attributes"] == {"case_id": "a: b (c)", "number": "3"}
    assert child["attributes"] == {}, "what an event of a span says is none of it"
    assert parent["end_ns"] - parent["start_ns"] == 1_001_221_933
    assert child["start_ns"] % 1_000_000_000 == 979_973_160
    assert (other["service"], other["name"]) == ("intake", "GET /healthz")
    (root,) = trees_of(list(read_log(LOG)), "a: b (c)")
    assert [each.name for each in root.children] == ["review/fire: on intake.review_requested.v1"]
