"""The daemon's end of the local socket, with a room of the test's own behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harpi.commands import SessionApi
from harpi.config.schema import SocketSection
from harpi.controls.socket import ControlSocket


def nothing() -> bytes:
    """Nothing to tell of the device."""
    return b"{}"


def overlook() -> None:
    """Take no note of an evaluation."""


def control_socket(
    room: SessionApi,
    folder: Path,
    *,
    examine: Callable[[], bytes] = nothing,
    look_again: Callable[[], None] = overlook,
    **section: Any,
) -> ControlSocket:
    """The socket, not started yet; `section` is what differs from the defaults."""
    return ControlSocket(
        room, folder, SocketSection(**section), examine=examine, look_again=look_again
    )


@contextmanager
def served(room: SessionApi, folder: Path, **how: Any) -> Iterator[ControlSocket]:
    """Serve the socket meanwhile; see `control_socket`."""
    server = control_socket(room, folder, **how)
    server.start()
    try:
        yield server
    finally:
        server.stop()
