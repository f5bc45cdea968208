"""What all commands share: the console, bars of progress, Ctrl-C.

Python raises `KeyboardInterrupt` wherever the main thread happens to be. Where that is the
`__del__` of an object that the garbage collector removes, the exception is dropped, and with
it what the person at the terminal wanted.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TextIO

if TYPE_CHECKING:
    from rich.console import Console


def console_on(stream: TextIO) -> Console:
    """Give a console that suits a stream.

    It keeps to the width of the terminal (80 in a pipe, or `COLUMNS`), and has colours on a
    terminal only, none where `NO_COLOR` is set or `TERM` is `dumb`.
    """
    from rich.console import Console

    return Console(file=stream, highlight=False, markup=False, emoji=False)


def clean(text: str) -> str:
    """Give text without what a terminal would obey: it may come from anybody on a broker."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def since(seconds: float) -> str:
    """Tell a time span in its two largest units."""
    minutes = int(seconds // 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 1:
        return f"{minutes} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if days else f"{hours} h {minutes} min"


WIDTH: Final = 30

INTERVAL: Final = 0.1
"""Seconds between two looks of the bar."""


@contextmanager
def progress(title: str, stream: TextIO | None = None) -> Iterator[Callable[[float], None]]:
    """Show how far some work has come, on a terminal only.

    Args:
        title: what is being done.
        stream: standard error where not given.

    Yields:
        A function to call with the share that is done, from 0 to 1.
    """
    stream = sys.stderr if stream is None else stream
    if not stream.isatty():
        yield lambda share: None
        return
    latest = 0.0

    def show(share: float) -> None:
        nonlocal latest
        now = time.monotonic()
        if now - latest < INTERVAL:
            return
        latest = now
        done = round(WIDTH * share)
        bar = "#" * done + "." * (WIDTH - done)
        stream.write(f"\r{title} [{bar}] {share:4.0%}")
        stream.flush()

    try:
        yield show
    finally:
        stream.write("\r\x1b[K")
        stream.flush()


INTERRUPTED: Final = 130
"""Exit code of a command that went on until it was told to end."""


class StopFlag:
    """Notes within `with` that the process is told to end.

    Attributes:
        asked: it was told to.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
