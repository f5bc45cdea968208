"""A command of harpi on a pseudo-terminal, of which every byte is kept."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import threading

from tests.support.broker import PATIENCE
from tests.support.command import HARPI, environment

HOME = "\x1b[H"


class Terminal:
    """`harpi` on a terminal.

    Args:
        words: what follows `harpi`.
        width: characters in a line of the terminal.
        height: its lines.
        more: variables of its environment.

    Attributes:
        process: of the command.
        written: all that it wrote.
    """

    def __init__(
        self, *words: str, width: int = 80, height: int = 24, more: dict[str, str] | None = None
    ) -> None:
        self._primary, secondary = pty.openpty()
        fcntl.ioctl(secondary, termios.TIOCSWINSZ, struct.pack("4H", height, width, 0, 0))
        self.process = subprocess.Popen(
            [*HARPI, *words],
            env=environment(TERM="xterm", **(more or {})),
            stdin=secondary,
            stdout=secondary,
            stderr=secondary,
            start_new_session=True,
        )
        os.close(secondary)
        self.written = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def picture(self) -> str:
        """The picture that stands on the terminal."""
        return self.written.rpartition(HOME)[2]

    def type(self, text: str) -> None:
        """Type something."""
        os.write(self._primary, text.encode())

    def end(self, number: signal.Signals) -> int:
        """Tell it to end, once; give its exit code."""
        self.process.send_signal(number)
        return self.wait(PATIENCE)

    def wait(self, seconds: float) -> int:
        """Wait for its end; give its exit code."""
        self.process.wait(seconds)
        self._reader.join(PATIENCE)
        os.close(self._primary)
        return self.process.returncode

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # the other side has ended
            while piece := os.read(self._primary, 65536):
                self.written += piece.decode(errors="replace")
