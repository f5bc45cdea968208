"""What is fuzzed: a function that takes bytes from outside, and what to begin with."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harpi.errors import HarpiError

Feed = Callable[[bytes], None]
"""Takes bytes as they would come from outside; raises a `HarpiError` where they are refused."""


@dataclass(frozen=True)
class Target:
    """A place where bytes come in.

    Attributes:
        name: also of the folder of its corpus.
        reads: what it takes the bytes for.
        open: makes the function, given an empty folder of its own.
        seeds: makes what to begin with: some that are accepted, some that are made to hurt.
        words: that mean something to it.
        largest: bytes of the longest input that is made.
        share: of the inputs of a campaign; a target that writes to a disk has a small one.
        json: it reads objects of JSON, which are changed as such, too.
    """

    name: str
    reads: str
    open: Callable[[Path], Feed]
    seeds: Callable[[], Sequence[bytes]]
    words: tuple[bytes, ...] = ()
    largest: int = 4096
    share: float = 1.0
    json: bool = False


class _Logged(logging.Handler):
    """Keeps the first exception that was logged in place of being raised."""

    def __init__(self) -> None:
        super().__init__()
        self.error: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if self.error is None and record.exc_info:
            self.error = record.exc_info[1]


@contextmanager
def opened(target: Target, folder: Path) -> Iterator[Callable[[bytes], bool]]:
    """Open a target; give a function that feeds it and tells whether it accepts.

    That function raises whatever the target must not: all but a `HarpiError`, also where it
    was only logged, and every warning.
    """
    logged = _Logged()
    root = logging.getLogger()
    root.addHandler(logged)
    feed = target.open(folder)

    def fed(content: bytes) -> bool:
        try:
            feed(content)
        except HarpiError:
            return False
        finally:
            error, logged.error = logged.error, None
            if error is not None:
                raise error
        return True

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            yield fed
        finally:
            root.removeHandler(logged)
