"""The server of the page, in a thread of its own, and the socket that it listens on."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from harpi.config.loading import check_private, read_secret
from harpi.config.schema import Config
from harpi.errors import ConfigError, ControlError
from harpi.supervisor import Supervisor
from harpi.types import Verdict
from harpi.web.app import Page
from harpi.web.auth import Login
from harpi.web.messages import Sources
from harpi.web.peers import Address, key_of, may_use

LARGEST_HEAD: Final = 16 * 1024
"""Bytes of the longest head of a request that is read."""

COMMANDS_AT_ONCE: Final = 2

_START_SECONDS: Final = 10.0

_STOP_SECONDS: Final = 1

log = logging.getLogger(__name__)


class WebServer:
    """Serves the page between `start` and `stop`.

    Args:
        config: all settings.
        sources: what is shown and commanded.
        supervisor: sees what goes wrong on the thread.

    Raises:
        ConfigError: the password file or the certificate cannot be used.
    """

    def __init__(
        self, config: Config, sources: Sources, supervisor: Supervisor | None = None
    ) -> None:
        self._supervisor = supervisor or Supervisor()
        web = config.web
        password = None
        if web.password_file is not None:
            password = read_secret("web.password_file", Path(web.password_file))
        if web.key_file is not None:
            check_private("web.key_file", Path(web.key_file))
        self._web = web
        self._room = sources.room
        self._login = Login(password)
        self._group = config.socket.group
        self._page = Page(config, sources, self._login, self._put_out)
        self._settings = uvicorn.Config(
            self._page.app(),
            http=_Connection,
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            log_level=logging.WARNING,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            h11_max_incomplete_event_size=LARGEST_HEAD,
            timeout_keep_alive=round(IDLE_SECONDS),
            timeout_graceful_shutdown=_STOP_SECONDS,
            ssl_certfile=web.cert_file,
            ssl_keyfile=web.key_file,
        )
        self._server = uvicorn.Server(self._settings)
        self._ending = threading.Event()
        try:
            self._settings.load()
        except (ssl.SSLError, OSError) as error:
            raise ConfigError(
                f"certificate and key cannot be used: {error.strerror or error}",
                where=f"web.cert_file {web.cert_file}",
                remedy="Give a certificate and its key in PEM form",
            ) from None
        self._thread: threading.Thread | None = None
        self._door: Listening | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._serving = threading.Event()

    @property
    def url(self) -> str:
        """Where a browser on this computer finds the page."""
        scheme = "http" if self._web.cert_file is None else "https"
        host = self._web.host
        if host in ("0.0.0.0", "::"):  # noqa: S104 - shown, not bound
            host = "localhost"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self._web.port}/"

    @property
    def serving(self) -> bool:
        """Whether the page can be had."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def viewers(self) -> int:
        """How many look at the page."""
        return self._page.broadcast.viewers

    def start(self) -> None:
        """Serve, from when this returns.

        Raises:
            ControlError: the address cannot be served on.
        """
        self._page.transfer.close()
        self._door = self._open()
        self._ending.clear()
        self._thread = self._supervisor.thread(self._run, "harpi-page")
        self._thread.start()
        self._serving.wait(_START_SECONDS)
        self._room.subscribe(self._page.note)
        log.info("the page is at %s", self.url)

    def stop(self) -> None:
        """End within a second, whoever is looking; harmless when nothing was started."""
        if self._thread is None:
            return
        self._ending.set()
        self._room.unsubscribe(self._page.note)
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._end)
        self._thread.join(2 * _STOP_SECONDS)
        self._thread = None
        self._page.transfer.close()

    def show(self, verdict: Verdict) -> None:
        """Show a verdict to all viewers; costs microseconds."""
        self._page.show(verdict)

    # --- in the thread ----------------------------------------------------------------------

    def _open(self) -> Listening:
        door = listen(self._web.host, self._web.port)
        door.is_known = self._is_known
        return door

    def _is_known(self, who: str, client: Address, server: Address) -> bool:
        if self._login.required:
            return self._login.has_let_in(who)
        return may_use(client, server, self._group)

    def _run(self) -> None:
        """Serve until the end; the supervisor calls it again after whatever goes wrong."""
        if self._ending.is_set():
            return
        door = self._door or self._open()
        self._door = None  # it ends with the loop; after a failure another is opened
        self._server = uvicorn.Server(self._settings)
        try:
            with door, asyncio.Runner(loop_factory=Loop) as runner:
                runner.run(self._serve(door))
        except SystemExit as error:  # uvicorn's way to say that it cannot serve
            raise RuntimeError(f"the server of the page ended: {error}") from None
        finally:
            self._serving.set()

    async def _serve(self, door: Listening) -> None:
        self._loop = asyncio.get_running_loop()
        self._page.broadcast.open()
        watching = asyncio.create_task(self._watch())
        with ThreadPoolExecutor(COMMANDS_AT_ONCE, "harpi-page-command") as self._page.commands:
            try:
                await self._server.serve(sockets=[door])
            finally:
                watching.cancel()

    async def _watch(self) -> None:
        """Look after the viewers, whatever goes wrong once."""
        self._serving.set()
        while True:
            try:
                await self._page.watch()
            except Exception as error:  # noqa: BLE001 - told; the viewers are to stay
                self._supervisor.report("harpi-page", error)
                await asyncio.sleep(1.0)

    def _end(self) -> None:
        self._page.broadcast.close()
        self._server.should_exit = True

    def _put_out(self, client: tuple[str, int]) -> None:
        for connection in list(self._server.server_state.connections):
            if isinstance(connection, _Connection) and connection.client == client:
                connection.transport.abort()


class _Connection(H11Protocol):
    """A connection that is broken off where nothing comes, or what is no HTTP."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection."""
        super().connection_made(transport)
        self._stuck: asyncio.TimerHandle | None = None
        self._phase: tuple[str, object] = ("head", None)
        self._timer = self.loop.call_later(IDLE_SECONDS, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let it go."""
        super().connection_lost(exc)
        self._timer.cancel()
        self._be_unstuck()

    def data_received(self, data: bytes) -> None:
        """Take in a piece of a request."""
        super().data_received(data)
        self._look_at_the_clock()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._look_at_the_clock()

    def pause_writing(self) -> None:
        """Wait for a client that takes its answer slowly, but not for ever."""
        super().pause_writing()
        self._be_unstuck()
        self._stuck = self.loop.call_later(UNACKNOWLEDGED_MS / 1000, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on with the answer."""
        super().resume_writing()
        self._be_unstuck()

    def _be_unstuck(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

    def _look_at_the_clock(self) -> None:
        """Give each head and each body of a request its own time, however slowly it comes."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            phase = ("head", cycle)
        else:
            phase = ("body" if cycle.more_body else "answer", cycle)
        if phase != self._phase:
            self._phase = phase
            self._timer.cancel()
            if phase[0] != "answer":
                self._timer = self.loop.call_later(IDLE_SECONDS, self.transport.abort)

    def send_400_response(self, msg: str) -> None:
        """Refuse what breaks the rules of HTTP, and answer nothing more.

        It may come in the midst of a request, while that is being answered.
        """
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        try:
            super().send_400_response(msg)
        except h11.LocalProtocolError:
            self.transport.abort()


MOST_CONNECTIONS: Final = 128
"""Connections at once; one more is broken off, so that files are left for the store."""

SHARE: Final = 32
"""Connections at once of one address, or of one user of this computer."""

KEPT: Final = 32
"""Places that are kept for who has shown the password, or may command harpi anyway."""

IDLE_SECONDS: Final = 10.0
"""A connection is broken off on which the head of a request, or its body, takes longer."""

"""After this time a page that has failed is served again."""

UNACKNOWLEDGED_MS: Final = 20_000
"""After this time the kernel gives up on a peer that takes nothing (tcp(7))."""


class Listening(socket.socket):
    """A socket that listens; connections beyond `MOST_CONNECTIONS` are closed at once.

    So are those beyond the `SHARE` of whoever is at the other end. They are counted here,
    because a peer that never ends the handshake of TLS is seen by nobody else.

    Attributes:
        is_known: whether somebody may have the places that are `KEPT`.
    """

    is_known: Callable[[str, Address, Address], bool]
    _taken: dict[socket.socket, str] | None = None

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection, as `socket.socket.accept`."""
        while True:
            peer, address = super().accept()
            if self._has_room(peer, address):
                return peer, address
            peer.close()

    def _has_room(self, peer: socket.socket, address: Any) -> bool:
        taken = self._taken or {}
        self._taken = taken = {one: who for one, who in taken.items() if one.fileno() >= 0}
        client, server = address[:2], peer.getsockname()[:2]
        who = key_of(client, server)
        if len(taken) >= MOST_CONNECTIONS or list(taken.values()).count(who) >= SHARE:
            return False
        free = MOST_CONNECTIONS - KEPT
        if len(taken) >= free and not self.is_known(who, client, server):
            return False
        taken[peer] = who
        return True


class Loop(asyncio.SelectorEventLoop):
    """An event loop that has no more patience with a handshake of TLS than with a request."""

    async def create_server(  # type: ignore[override]
        self, *args: Any, ssl: ssl.SSLContext | None = None, **options: Any
    ) -> asyncio.Server:
        """Serve, as `asyncio.loop.create_server`."""
        if ssl is not None:
            options["ssl_handshake_timeout"] = IDLE_SECONDS
        return await super().create_server(*args, ssl=ssl, **options)


def listen(host: str, port: int) -> Listening:
    """Open the socket.

    Raises:
        ControlError: the address cannot be served on.
    """
    try:
        family, kind, number, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = Listening(family, kind, number)
    except OSError as error:
        raise _not_served(host, port, error) from None
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listening.bind(address)
        listening.listen(MOST_CONNECTIONS)
    except OSError as error:
        listening.close()
        raise _not_served(host, port, error) from None
    return listening


def _not_served(host: str, port: int, error: OSError) -> ControlError:
    return ControlError(
        f"the page cannot be served on {host}, port {port}: {error.strerror or error}",
        where="web.host, web.port",
        remedy="Set web.port to another, or end the program that uses it",
    )
