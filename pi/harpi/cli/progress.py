"""A bar on standard error for work that takes a while; nothing where nobody looks."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TextIO

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
