"""What can be asked for, and the answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from harpi import __version__
from harpi.commands import LARGEST_MESSAGE, Answer, Event, decode, encode
from harpi.config.schema import Config
from harpi.errors import StoreError, TakeNotFound, UsageError
from harpi.evaluation.runs import RunLog
from harpi.learning.store import Store
from harpi.learning.take import Take
from harpi.publish.messages import State
from harpi.types import Verdict
from harpi.web.broadcast import Broadcast, Kind
from harpi.web.guard import Guard, HostNames, client_of, refuse, too_many
from harpi.web.login import SESSION_SECONDS, Login, TooManyFailuresError
from harpi.web.messages import Evaluation, Evaluations, Hello, TakePage
from harpi.web.sources import Sources
from harpi.web.stream import EventStream, event
from harpi.web.trace import Envelope, LiveTrace, envelope

SOURCE: Final = "page"

LOOK_SECONDS: Final = 0.1
"""How often the ring is looked at for new signal, while somebody views it."""

CONDITION_SECONDS: Final = 2.0
"""How often viewers are told how the device does; also keeps the connection alive."""

TAKES_SHOWN: Final = 30
"""Takes in one part of the list."""

RUNS_SHOWN: Final = 5
"""Evaluations that are shown."""

_STATIC: Final = Path(str(files("harpi.web") / "static"))
_FOREVER: Final = {"cache-control": "private, max-age=31536000, immutable"}
_ALWAYS_ASK: Final = {"cache-control": "no-cache"}


class _Password(msgspec.Struct, forbid_unknown_fields=True):
    password: str


class _TooLongError(Exception):
    """A request has a longer body than any command."""


class _Static(StaticFiles):
    """The files of the page; a browser asks each time whether they are still the same."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers.update(_ALWAYS_ASK)
        return response


class Page:
    """The answers, and what every viewer is told.

    All methods but `show` and `note` belong to the event loop.

    Args:
        config: all settings.
        sources: what is shown and commanded.
        login: who may.
        put_out: breaks the connection of a client, given its address and port.
    """

    def __init__(
        self,
        config: Config,
        sources: Sources,
        login: Login,
        put_out: Callable[[tuple[str, int]], None],
    ) -> None:
        self._config = config
        self._sources = sources
        self._login = login
        self._put_out = put_out
        self._cookie = f"harpi_{config.web.port}"
        self._trace = LiveTrace(sources.ring, config.sensor.rate)
        self._latest: Verdict | None = None
        self._shown = 0
        self.broadcast = Broadcast(self._encode)

    def app(self) -> Starlette:
        """Give the application (ASGI)."""
        web = self._config.web
        return Starlette(
            routes=[
                Route("/", self._index),
                Route("/login", self._login_page),
                Route("/api/login", self._log_in, methods=["POST"]),
                Route("/api/logout", self._log_out, methods=["POST"]),
                Route("/api/hello", self._hello),
                Route("/api/events", self._events),
                Route("/api/command", self._command, methods=["POST"]),
                Route("/api/takes", self._takes),
                Route("/api/takes/{number:int}/trace", self._take_trace),
                Route("/api/evaluations", self._evaluations),
                Mount("/static", _Static(directory=_STATIC)),
            ],
            middleware=[
                Middleware(
                    Guard,
                    login=self._login,
                    names=HostNames(web.host, web.names),
                    cookie=self._cookie,
                )
            ],
            exception_handlers={
                StoreError: _store_failed,
                _TooLongError: _too_long,
                ClientDisconnect: _too_long,
            },
        )

    # --- called by other threads ------------------------------------------------------------

    def show(self, verdict: Verdict) -> None:
        """Show a verdict to all viewers; costs microseconds."""
        self._latest = verdict
        self.broadcast.say("verdict", verdict)

    def note(self, happened: Event) -> None:
        """Tell all viewers what happened in the session; costs microseconds."""
        self.broadcast.say("session", happened)

    # --- what viewers are told --------------------------------------------------------------

    async def watch(self) -> None:
        """Tell viewers the signal and the condition of the device, until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if not self.broadcast.viewers:
                self._trace.skip()
                continue
            for piece in self._trace.news():
                self.broadcast.say("trace", piece)
            if loop.time() >= due:
                due = loop.time() + CONDITION_SECONDS
                self.broadcast.say("health", await asyncio.to_thread(self._sources.condition))

    def _encode(self, kind: Kind, news: Any) -> bytes:
        if kind == "verdict":
            self._shown += 1
            news = State.of(news, self._shown, self._sources.timebase)
        return event(kind, news)

    async def _events(self, request: Request) -> Response:
        condition = await asyncio.to_thread(self._sources.condition)
        viewer = self.broadcast.join()
        if viewer is None:
            return refuse(503, "Too many pages are open. Close one.")
        viewer.put("session", event("situation", self._sources.room.situation))
        viewer.put("health", event("health", condition))
        for piece in self._trace.recent():
            viewer.put("trace", event("trace", piece))
        if self._latest is not None:
            viewer.put("verdict", self._encode("verdict", self._latest))
        client = tuple(request.scope["client"])
        return EventStream(viewer, self.broadcast.leave, lambda: self._put_out(client))

    # --- pages ------------------------------------------------------------------------------

    async def _index(self, _request: Request) -> Response:
        return FileResponse(_STATIC / "index.html", headers=_ALWAYS_ASK)

    async def _login_page(self, _request: Request) -> Response:
        if not self._login.required:
            return RedirectResponse("/", status_code=303)
        return FileResponse(_STATIC / "login.html", headers=_ALWAYS_ASK)

    # --- log in and out ---------------------------------------------------------------------

    async def _log_in(self, request: Request) -> Response:
        try:
            given = msgspec.json.decode(await _body(request), type=_Password)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return refuse(400, 'Send {"password": "..."}.')
        try:
            if not self._login.accepts(given.password, client_of(request.scope)):
                return refuse(401, "This is not the password.")
        except TooManyFailuresError as error:
            return too_many(error)
        answer = Response(status_code=204)
        answer.set_cookie(
            self._cookie,
            self._login.begin(),
            max_age=round(SESSION_SECONDS),
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return answer

    async def _log_out(self, request: Request) -> Response:
        self._login.end(request.scope["harpi.session"])
        answer = Response(status_code=204)
        answer.delete_cookie(self._cookie, httponly=True, samesite="strict")
        return answer

    # --- data -------------------------------------------------------------------------------

    async def _hello(self, request: Request) -> Response:
        return _json(
            Hello(
                device=self._config.device.name,
                version=__version__,
                token=self._login.token(request.scope["harpi.session"]),
                login=self._login.required,
                minimum_windows=self._config.learning.minimum_windows,
            )
        )

    async def _command(self, request: Request) -> Response:
        at = self._sources.timebase.monotonic()
        room = self._sources.room
        try:
            command = decode(await _body(request))
        except UsageError as error:
            refused = Answer(ok=False, message=str(error), situation=room.situation)
            return Response(encode(refused), 400, media_type="application/json")
        answer = await asyncio.to_thread(room.command, command, SOURCE, at=at)
        return Response(encode(answer), media_type="application/json")

    async def _takes(self, request: Request) -> Response:
        before = None
        if "before" in request.query_params:
            with contextlib.suppress(ValueError):
                before = int(request.query_params["before"])
        takes = await asyncio.to_thread(self._list_takes)
        return _json(TakePage.of(takes, before, TAKES_SHOWN))

    async def _take_trace(self, request: Request) -> Response:
        number: int = request.path_params["number"]
        try:
            drawn = await asyncio.to_thread(self._draw_take, number)
        except TakeNotFound as error:
            return refuse(404, str(error))
        # The page asks with the digest of the samples, so what it gets never changes.
        return _json(drawn, headers=_FOREVER if "digest" in request.query_params else {})

    async def _evaluations(self, _request: Request) -> Response:
        log = await asyncio.to_thread(RunLog(self._sources.evaluations).read)
        runs = [Evaluation.of(report) for report in reversed(log.reports[-RUNS_SHOWN:])]
        return _json(Evaluations(runs=tuple(runs), problems=log.problems))

    @property
    def _store(self) -> Store:
        if isinstance(self._sources.store, StoreError):
            raise self._sources.store
        return self._sources.store

    def _list_takes(self) -> list[Take]:
        return self._store.takes(deleted=None)

    def _draw_take(self, number: int) -> Envelope:
        store = self._store
        return envelope(store.samples(number, whole=True), store.take(number).seconds)


def _json(content: msgspec.Struct, headers: dict[str, str] | None = None) -> Response:
    return Response(
        msgspec.json.encode(content), media_type="application/json", headers=headers
    )


async def _body(request: Request) -> bytes:
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > LARGEST_MESSAGE:
            raise _TooLongError
    return content


async def _store_failed(_request: Request, error: Exception) -> Response:
    return refuse(503, str(error))


async def _too_long(_request: Request, _error: Exception) -> Response:
    return refuse(413, f"At most {LARGEST_MESSAGE} bytes.")
