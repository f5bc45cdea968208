"""What can be asked for, and the answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
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
from harpi.errors import StoreError, UsageError
from harpi.files import decode_json
from harpi.publish.messages import State
from harpi.session.handlers import ASKING_SECONDS
from harpi.types import Verdict
from harpi.web.auth import (
    SESSION_SECONDS,
    Guard,
    HostNames,
    Login,
    TooManyFailuresError,
    client_of,
    refuse,
    too_many,
)
from harpi.web.day import DiaryData
from harpi.web.messages import Data, Hello, Sources, TooLongError, as_json, body_of
from harpi.web.stream import Broadcast, EventStream, Kind, LiveTrace, event
from harpi.web.transfer import Transfer

SOURCE: Final = "page"

LOOK_SECONDS: Final = 0.1
"""How often the ring is looked at for new signal, while somebody views it."""

CONDITION_SECONDS: Final = 2.0
"""How often viewers are told how the device does; also keeps the connection alive."""

_STATIC: Final = Path(str(files("harpi.web") / "static"))
_ALWAYS_ASK: Final = {"cache-control": "no-cache"}


class _Password(msgspec.Struct, forbid_unknown_fields=True):
    password: str


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

    Attributes:
        commands: threads in which commands are done; those of the loop where not given.
        transfer: takes files in, and gives takes out.
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
        self.commands: Executor | None = None
        self.transfer = Transfer(config)
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
                *Data(self._sources).routes,
                *DiaryData(self._sources.keeper).routes,
                *self.transfer.routes,
                Mount("/static", _Static(directory=_STATIC)),
            ],
            middleware=[
                Middleware(
                    Guard,
                    login=self._login,
                    names=HostNames(web.host, web.names),
                    cookie=self._cookie,
                    group=self._config.socket.group,
                )
            ],
            exception_handlers={
                StoreError: _store_failed,
                TooLongError: _too_long,
                ClientDisconnect: _gone_away,
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
            given = decode_json(await body_of(request), _Password)
        except msgspec.DecodeError:
            return refuse(400, 'Send {"password": "..."}.')
        try:
            if not self._login.accepts(given.password, client_of(request.scope)):
                return refuse(401, "Wrong password.")
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

    # --- commands ---------------------------------------------------------------------------

    async def _hello(self, request: Request) -> Response:
        return as_json(
            Hello(
                device=self._config.device.name,
                version=__version__,
                token=self._login.token(request.scope["harpi.session"]),
                login=self._login.required,
                minimum_windows=self._config.learning.minimum_windows,
                asking_seconds=ASKING_SECONDS,
            )
        )

    async def _command(self, request: Request) -> Response:
        at = self._sources.timebase.monotonic()
        room = self._sources.room
        try:
            command = decode(await body_of(request))
        except UsageError as error:
            refused = Answer(ok=False, message=str(error), situation=room.situation)
            return Response(encode(refused), 400, media_type="application/json")
        # Threads of their own: whatever else is asked for, a command finds one.
        answer = await asyncio.get_running_loop().run_in_executor(
            self.commands, partial(room.command, command, SOURCE, at=at)
        )
        return Response(encode(answer), media_type="application/json")


async def _store_failed(_request: Request, error: Exception) -> Response:
    return refuse(503, str(error))


async def _too_long(_request: Request, error: Exception) -> Response:
    largest = error.largest if isinstance(error, TooLongError) else LARGEST_MESSAGE
    return refuse(413, f"At most {largest} bytes.")


async def _gone_away(_request: Request, _error: Exception) -> Response:
    return refuse(400, "The request has no end.")  # nobody hears it
