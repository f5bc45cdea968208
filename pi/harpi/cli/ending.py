"""Ctrl-C and SIGTERM, noted and looked at, in place of an exception in the midst of things.

Python raises `KeyboardInterrupt` wherever the main thread happens to be. Where that is the
`__del__` of an object that the garbage collector removes, the exception is dropped, and with
it what the person at the terminal wanted.
"""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Any, Final, Self

INTERRUPTED: Final = 130
"""Exit code of a command that went on until it was told to end."""


class Ending:
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
