"""Every error that leaves a service is a problem with a stable code (RFC 9457); none shows a stack trace."""

from __future__ import annotations

from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from opentelemetry import trace
from starlette.exceptions import HTTPException

from libs.doorstep import Doorstep
from libs.refusals import Refusal

LOG = structlog.get_logger(__name__)
PROBLEM = "application/problem+json"
_CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "media_type",
}
_TITLES = {404: "Nothing is here under this address."}


class TooLarge(Refusal):
    """The request is longer than any this service takes."""

    code = "too_large"
    status = 413
    title = "The request is too large."


def wants_page(request: Request) -> bool:
    """Whether a person's browser asks, rather than a program."""
    path = request.url.path
    return not path.startswith(("/api", "/log")) and "text/html" in request.headers.get("accept", "")


def problem_response(request: Request, problem: dict[str, Any]) -> Response:
    """A problem as the caller understands it: a page for a browser, problem+json for a program."""
    context = trace.get_current_span().get_span_context()
    problem = {**problem, "trace_id": f"{context.trace_id:032x}" if context.is_valid else None}
    status = int(problem["status"])
    pages = getattr(request.app.state, "pages", None)
    if pages is not None and wants_page(request):
        page: Response = pages.problem(request, problem)
        return page
    headers = {"Retry-After": "1"} if status == 503 else {}
    return JSONResponse(problem, status, headers=headers, media_type=PROBLEM)


def _problem(title: str, status: int, code: str, **more: Any) -> dict[str, Any]:
    return {"type": "about:blank", "title": title, "status": status, "code": code, **more}


async def refused(request: Request, reason: Exception) -> Response:
    """The domain's own refusals."""
    assert isinstance(reason, Refusal)
    LOG.info("refused", code=reason.code, path=request.url.path, detail=reason.detail[:200])
    return problem_response(request, reason.problem())


async def invalid(request: Request, reason: Exception) -> Response:
    """A request that does not fit its model: every place that is wrong, without the value."""
    assert isinstance(reason, RequestValidationError)
    errors = [
        {"at": ".".join(str(part) for part in error["loc"]), "what": error["msg"], "kind": error["type"]}
        for error in reason.errors()[:50]
    ]
    return problem_response(
        request, _problem("The request does not fit.", 422, "invalid_request", errors=errors)
    )


async def refused_by_framework(request: Request, reason: Exception) -> Response:
    """What the framework refuses: no such route, wrong method, unreadable body."""
    assert isinstance(reason, HTTPException)
    status = reason.status_code
    title = _TITLES.get(status, str(reason.detail))
    return problem_response(request, _problem(title, status, _CODES.get(status, "http_error")))


async def unexpected(request: Request, reason: Exception) -> Response:
    """A bug: logged whole, told without its inside."""
    LOG.error("unexpected", path=request.url.path, error=type(reason).__name__, exc_info=reason)
    title = "Something failed on our side. Nothing was changed."
    return problem_response(request, _problem(title, 500, "unexpected"))


async def too_large(request: Request) -> Response:
    """A body past the limit."""
    return problem_response(request, TooLarge().problem())


def install_problems(app: FastAPI, max_body_bytes: int) -> None:
    """Answer every error of ``app`` as a problem, and bound its requests to ``max_body_bytes``."""
    app.add_exception_handler(Refusal, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, refused_by_framework)
    app.add_exception_handler(Exception, unexpected)
    app.add_middleware(Doorstep, unexpected=unexpected, too_large=too_large, most=max_body_bytes)
