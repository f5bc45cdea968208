"""What both ends of the local socket know: where it is, and lines of JSON on it."""

from __future__ import annotations

import socket
from typing import Final, Literal

import msgspec
from msgspec import Struct

from harpi.decoding import decode_json

FILE_NAME: Final = "harpi.sock"
"""Name of the socket within the folder `paths.runtime`."""

_CHUNK: Final = 4096


Changed = Literal["takes", "runs"]
"""What another program may change beside the daemon: the takes, or the log of evaluations."""

Question = Literal["follow", "examine", "look"]
"""What can be asked beside commands. `follow`: events in place of answers, one line for each.
`examine`: how the device does, in one line (`harpi.publish.condition.Condition`). `look`: that
the daemon looks again at what another program has changed."""


class Asked(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A question as a line of JSON."""

    command: Question
    at: Changed | None = None
    """Where to `look`."""


class LineTooLong(ValueError):
    """The other end sends a line that is longer than any there is."""


class Lines:
    """Reads lines from a connected socket.

    Args:
        connection: with the time-out that shall hold for each read.
        longest: bytes of the longest line.
    """

    def __init__(self, connection: socket.socket, longest: int) -> None:
        self._connection = connection
        self._longest = longest
        self._rest = b""

    def read(self) -> bytes | None:
        """Wait for the next line and return it without its end.

        Returns:
            The line; None when the other end has said all it has to say.

        Raises:
            LineTooLong: it is longer than `longest`.
            OSError: the connection broke, or nothing came in time.
        """
        while b"\n" not in self._rest:
            if len(self._rest) > self._longest:
                raise LineTooLong(f"more than {self._longest} bytes without the end of a line")
            received = self._connection.recv(_CHUNK)
            if not received:
                return None
            self._rest += received
        line, self._rest = self._rest.split(b"\n", 1)
        if len(line) > self._longest:
            raise LineTooLong(f"more than {self._longest} bytes in a line")
        return line


def question_of(line: bytes) -> Asked | None:
    """Tell what a line asks; None where it is no question."""
    try:
        return decode_json(line, Asked)
    except msgspec.DecodeError:
        return None
