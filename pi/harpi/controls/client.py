"""The other end of the local socket: what the command line uses to reach the daemon."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

import msgspec

from harpi.commands import LARGEST_LINE, Answer, Command, Event, decode, encode
from harpi.controls.socket import FILE_NAME, Asked, Lines, LineTooLong, Said
from harpi.errors import ControlError, DaemonNotRunning
from harpi.files import decode_json

LARGEST_ANSWER: Final = 1 << 20
"""Bytes of the longest answer that is read."""

ANSWER_SECONDS: Final = 30.0
"""How long to wait for an answer: the end of a long take is written to a slow card."""

_T = TypeVar("_T")


class Client:
    """A connection to the running daemon.

    Args:
        folder: `paths.runtime`.

    Raises:
        DaemonNotRunning: nobody serves the socket.
        ControlError: this user may not use it, or it cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._connection.settimeout(ANSWER_SECONDS)
        try:
            self._connection.connect(str(self._path))
        except OSError as error:
            self._connection.close()
            raise _in_words(error, self._path) from error
        self._lines = Lines(self._connection, LARGEST_ANSWER)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; closing twice is harmless."""
        self._connection.close()

    def ask(self, command: Command) -> Answer:
        """Send a command and wait for the answer.

        Raises:
            UsageError: a field of the command cannot be.
            ControlError: the daemon does not answer, or ended.
        """
        line = encode(command)
        decode(line, largest=LARGEST_LINE)
        self._send(line)
        return self._read(Answer)

    def examine(self, kind: type[_T]) -> _T:
        """Ask how the device does.

        Args:
            kind: what the daemon describes it with.

        Raises:
            ControlError: the daemon does not answer, ended, or answers with something else.
        """
        self._send(msgspec.json.encode(Asked(command="examine")))
        return self._read(kind)

    def tell_to_look(self) -> None:
        """Say that this program has logged an evaluation, and wait until that is noted.

        Raises:
            ControlError: the daemon does not answer, or ended.
        """
        self._send(msgspec.json.encode(Asked(command="look")))
        self._read(Answer)

    def begin_to_follow(self) -> Answer:
        """Ask for events; none that happens from now on is missed.

        The connection is good for nothing else afterwards.

        Raises:
            ControlError: the daemon does not answer, or ended.
        """
        self._send(msgspec.json.encode(Asked(command="follow")))
        answer = self._read(Answer)
        self._connection.settimeout(None)
        return answer

    def events(self) -> Iterator[Event]:
        """Give events as they happen, once it was asked to follow; never ends by itself.

        Raises:
            ControlError: the daemon ended, or put this client out.
        """
        while True:
            yield self._read(Event)

    def begin_to_watch(self) -> Answer:
        """Ask for all that the device says, which `said` then gives.

        The connection is good for nothing else afterwards.

        Raises:
            ControlError: the daemon does not answer, or ended.
        """
        self._send(msgspec.json.encode(Asked(command="watch")))
        return self._read(Answer)

    def said(self, seconds: float) -> Said | None:
        """Give what the device says next, or None after `seconds` of silence.

        Raises:
            ControlError: the daemon ended, or put this client out.
        """
        self._connection.settimeout(seconds)
        try:
            line = self._lines.read()
        except TimeoutError:
            return None
        except (OSError, LineTooLong) as error:
            raise self._broken(error) from error
        return self._understood(line, Said)

    def _send(self, line: bytes) -> None:
        try:
            self._connection.sendall(line + b"\n")
        except BrokenPipeError:
            pass  # it hung up, and may have said why before
        except OSError as error:
            raise self._broken(error) from error

    def _read(self, kind: type[_T]) -> _T:
        try:
            line = self._lines.read()
        except (OSError, LineTooLong) as error:
            raise self._broken(error) from error
        return self._understood(line, kind)

    def _understood(self, line: bytes | None, kind: type[_T]) -> _T:
        if line is None:
            raise self._broken(ConnectionResetError("the connection was closed"))
        try:
            return decode_json(line, kind)
        except msgspec.DecodeError as error:
            raise ControlError(
                f"the answer is not understood ({error})",
                where=str(self._path),
                remedy="Use the version of harpi that runs; after an update, restart it",
            ) from error

    def _broken(self, error: Exception) -> ControlError:
        return ControlError(
            f"the daemon does not answer ({error})",
            where=str(self._path),
            remedy="See its log: 'journalctl -u harpi'",
        )


def tell_to_look(folder: Path) -> None:
    """Tell the daemon, where one runs, that this program has logged an evaluation.

    Raises:
        ControlError: one runs and cannot be told.
    """
    with contextlib.suppress(DaemonNotRunning), Client(folder) as client:
        client.tell_to_look()


def _in_words(error: OSError, path: Path) -> ControlError:
    if error.errno in (errno.ENOENT, errno.ECONNREFUSED, errno.ENOTDIR):
        return DaemonNotRunning(
            "no harpi is running that could do this",
            where=str(path),
            remedy="Start it with 'sudo systemctl start harpi', or with 'harpi run' in "
            "another terminal",
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return ControlError(
            "this user may not command the running harpi",
            where=str(path),
            remedy="Use sudo, or let the administrator put you into the group in socket.group",
        )
    return ControlError(f"the socket cannot be used ({error})", where=str(path))
