"""The socket that the page is served on, and how many may come through it at once."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any, Final
from weakref import WeakSet

from harpi.errors import ControlError

MOST_CONNECTIONS: Final = 128
"""Connections at once; one more is broken off, so that files are left for the store."""

IDLE_SECONDS: Final = 10.0
"""A connection on which no request comes for so long is broken off."""

UNACKNOWLEDGED_MS: Final = 20_000
"""After this time the kernel gives up on a peer that takes nothing (tcp(7))."""


class Listening(socket.socket):
    """A socket that listens; connections beyond `MOST_CONNECTIONS` are closed at once.

    They are counted here, because a peer that never ends the handshake of TLS is seen by
    nobody else.
    """

    _open: WeakSet[socket.socket] | None = None

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection, as `socket.socket.accept`."""
        if self._open is None:
            self._open = WeakSet()
        while True:
            peer, address = super().accept()
            if sum(other.fileno() >= 0 for other in self._open) < MOST_CONNECTIONS:
                self._open.add(peer)
                return peer, address
            peer.close()


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
        remedy="Set web.port to another, or end what uses it",
    )
