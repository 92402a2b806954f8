"""Puts a service together and runs it: doors, shared commits, relay, listener, timers, readiness.

``python -m libs.runner services.intake.app`` serves what that module's ``create_app()`` returns.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any

import structlog
import uvicorn
from fastapi import APIRouter, Depends, FastAPI, Response
from fastapi.responses import JSONResponse
from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from libs import clock as clocks
from libs import command_routes, http, telemetry
from libs.attempts import Settle
from libs.collector import calm_collector
from libs.commits import Commits
from libs.consumer import Consumers, Listener
from libs.database import open_engine
from libs.dead_letters import DeadLetters
from libs.envelope import instant
from libs.figures import Figures
from libs.flow import FLOW
from libs.identity import PersonFinder, login_router
from libs.identity.access import Access
from libs.letter_door import letter_api
from libs.metrics import READY
from libs.pace import PACE, Pace
from libs.pages.letters import letter_pages
from libs.relay import Relay
from libs.settings import ServiceSettings
from libs.signatures import KeyDirectory, Signer
from libs.speaker import Speaker
from libs.timers import TimerLoop, Timers, repeat
from libs.work import House

LOG = structlog.get_logger(__name__)
SWEEP_S = 1.0


class RouteNotInMatrix(Exception):
    """A route that contracts/access.yaml does not name may not be served."""


class StateDoor:
    """Answers /healthz and /readyz before anything else: they are asked often and must not cost."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        path = _own_path(scope) if scope["type"] == "http" else None
        if path == "/readyz":
            state = self._service.readiness()
            await JSONResponse(state, 200 if state["ready"] else 503)(scope, receive, send)
        elif path == "/healthz":
            await JSONResponse({"status": "alive"})(scope, receive, send)
        else:
            await self._app(scope, receive, send)


class Service:
    """One house: its app answers people, its listener hears events, its relay says what was committed."""

    def __init__(
        self,
        name: str,
        settings: ServiceSettings,
        *,
        consumers: Consumers,
        routers: Sequence[APIRouter],
        timers: Timers | None = None,
        settle: Settle | None = None,
        department: str | None = None,
        pages: Any = None,
        pace: Pace = PACE,
    ) -> None:
        self.name = f"{name}/{department}" if department else name
        self.settings = settings
        self.clock: clocks.Clock = (
            clocks.FileClock(settings.clock_file) if settings.clock_file else clocks.SystemClock()
        )
        self.engine = open_engine(settings.database_url, self.name)
        self.signer = (
            Signer.from_file(settings.signing_key_file, self.name) if settings.signing_key_file else None
        )
        self.keys = (
            KeyDirectory.from_file(settings.key_directory_file) if settings.key_directory_file else None
        )
        house = House(Speaker(FLOW, name, department), settings, self.signer, self.keys)
        url, queue = settings.broker_url, FLOW.queue(name, department)
        self.relay = Relay(url, FLOW, self.engine)
        self.commits = Commits(self.engine, house, self.clock, consumers.dispatch, self.relay, settle, pace)
        self.listener = Listener(url, FLOW, queue, consumers, self.commits, pace)
        self.dead_letters = DeadLetters(url, queue, self.engine, consumers.dispatch, self.commits)
        self.timers = timers or Timers()
        self.timer_loop = TimerLoop(self.timers, self.commits, self.engine, self.clock)
        self.access = Access.load(name)
        self.figures = Figures()
        self._up = False
        self._database_answers = False
        self.app = self._build(name, routers, pages)

    def _build(self, name: str, routers: Sequence[APIRouter], pages: Any) -> FastAPI:
        app = FastAPI(
            title=f"Onewindow {name}",
            version="1",
            lifespan=self._lifespan,
            dependencies=[Depends(http.enforce)],
            docs_url=None,
            redoc_url=None,
            telemetry={"operation_spans": False, "metrics": False, "logs": False, "exclude": _not_traced},
        )
        state = {
            "settings": self.settings, "engine": self.engine, "clock": self.clock, "commits": self.commits,
            "access": self.access, "person_finder": PersonFinder(self.settings), "pages": pages,
            "signer": self.signer, "keys": self.keys, "service": self, "dead_letters": self.dead_letters,
        }  # fmt: skip
        for key, value in state.items():
            setattr(app.state, key, value)
        http.install(app, self.settings.max_body_bytes)
        app.add_middleware(StateDoor, service=self)
        own = [self._own_routes(), login_router(self.settings), letter_api()]
        for each in [*own, *([letter_pages(pages)] if pages is not None else []), *routers]:
            app.include_router(each)
        command_routes.install(app)
        if pages is not None:
            pages.install(app)
        missing = route_templates(app) - self.access.routes()
        if missing:
            raise RouteNotInMatrix(f"{name}: not in contracts/access.yaml: {sorted(missing)}")
        return app

    def _own_routes(self) -> APIRouter:
        own = APIRouter(include_in_schema=False)

        @own.get("/metrics")
        async def metrics(request: Request) -> Response:
            self.readiness()  # the scrape sees the state of this moment, whoever asks /readyz or does not
            encode, media_type = choose_encoder(request.headers.get("accept", ""))
            return Response(encode(REGISTRY), media_type=media_type)

        return own

    def readiness(self) -> dict[str, Any]:
        """Whether the service can work, and whether it has anything left to do (for whoever drives the clock)."""
        due = self.timer_loop.next_due_at
        quiet = (
            self.commits.open == 0 and self.listener.idle and self.relay.idle
            and self.timer_loop.idle and not self.commits.hearing.maybe_parked
        )  # fmt: skip
        ready = self._up and self._database_answers and self._connected()
        READY.set(1 if ready else 0)
        return {
            "ready": ready,
            "quiet": bool(ready and quiet),
            "said": self.commits.generation,
            "heard": self.listener.heard,
            "next_due_at": instant(due) if due else None,
            "business_now": instant(self.clock.now()),
            "blockers": {
                "deeds": self.commits.open, "listener": self.listener.idle, "relay": self.relay.idle,
                "timers": self.timer_loop.idle, "parked": self.commits.hearing.maybe_parked,
            },
        }  # fmt: skip

    def _connected(self) -> bool:
        return all(_is_connected(broker) for broker in (self.relay.broker, self.listener.broker))

    @contextlib.asynccontextmanager
    async def _lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        provider = telemetry.set_up(self.settings, self.name)
        await self.relay.broker.start()
        loops: list[Callable[[], Coroutine[Any, Any, None]]] = [self.commits.run, self.relay.run, self._sweep]
        tasks: list[asyncio.Task[None]] = [
            asyncio.create_task(loop(), name=loop.__qualname__) for loop in loops
        ]
        opening = asyncio.create_task(self.listener.start(), name="listener")
        tasks += [opening, asyncio.create_task(self.timer_loop.run(), name="timers")]
        tasks.append(asyncio.create_task(self.dead_letters.run(), name="dead letters"))
        tasks += [
            asyncio.create_task(repeat(name, task, app), name=name) for name, task in self.timers.backgrounds
        ]
        for task in tasks:
            task.add_done_callback(_loop_ended)
        self._up = True
        LOG.info("started", port=self.settings.http_port)
        try:
            yield
        finally:
            self._up = False
            opening.cancel()
            await self.listener.stop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.relay.broker.stop()
            await self.engine.dispose()
            provider.shutdown()

    async def _sweep(self) -> None:
        """Once a second: leftovers of outbox and parking, and whether the database answers."""
        while True:
            try:
                await self.relay.sweep()
                if self.commits.hearing.maybe_parked:
                    await self.commits.do("sweep parked", self.commits.hearing.sweep)
                if await self.figures.read(self.engine):  # parked, perhaps by a replica that is gone
                    self.commits.hearing.maybe_parked = True
                self._database_answers = True
            except Exception as failed:
                self._database_answers = False
                LOG.warning("sweep_failed", error=type(failed).__name__, detail=str(failed)[:200])
            await self.figures.sleep(SWEEP_S if self._database_answers else 0.25, self.commits.open)


def _not_traced(scope: Scope) -> bool:
    """What machines ask every few seconds would bury what people did."""
    path = _own_path(scope)
    return path in ("/readyz", "/healthz", "/metrics") or path.startswith("/static")


def _own_path(scope: Scope) -> str:
    """The path as this service knows it, without the one a gateway shows it below."""
    return str(scope.get("path", "")).removeprefix(str(scope.get("root_path", "")))


def _loop_ended(task: asyncio.Task[Any]) -> None:
    """A loop that ends by itself is a bug the process must not survive: it is restarted as a whole."""
    if not task.cancelled() and (reason := task.exception()) is not None:
        LOG.critical("loop_ended", loop=task.get_name(), error=type(reason).__name__, exc_info=reason)
        sys.stdout.flush()
        os._exit(70)


def _is_connected(broker: Any) -> bool:
    connection = getattr(broker, "_connection", None)
    if connection is None or connection.is_closed:
        return False
    connected = getattr(connection, "connected", None)
    return bool(connected.is_set()) if connected is not None else True


def route_templates(app: FastAPI) -> set[tuple[str, str]]:
    """(method, path template) of everything the app serves, HEAD and OPTIONS left out."""
    found = set()
    for route in http.flat_routes(app.routes):
        methods = getattr(route, "methods", None) or {"GET"}
        found |= {
            (method, getattr(route, "path", "")) for method in methods if method not in ("HEAD", "OPTIONS")
        }
    return found


def main() -> None:
    """Serve the app of the named module (an image's own service, if none is named) until told to stop."""
    named = sys.argv[1] if len(sys.argv) > 1 else f"services.{os.environ['ONEWINDOW_SERVICE']}.app"
    module = importlib.import_module(named)
    app: FastAPI = module.create_app()
    calm_collector()
    settings: ServiceSettings = app.state.settings
    uvicorn.run(
        app, host=settings.http_host, port=settings.http_port, log_level="warning", access_log=False,
        timeout_graceful_shutdown=10, server_header=False, root_path=settings.public_path,
    )  # fmt: skip


if __name__ == "__main__":
    main()
