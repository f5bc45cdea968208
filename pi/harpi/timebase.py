"""Time as harpi sees it: monotonic inside, UTC at the edges.

Code that waits takes a `Timebase`, so that the emulator can put virtual time in its place
and an hour of sampling can pass in a second.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Timebase(Protocol):
    """A monotonic clock that can be waited on."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary moment; never goes backwards."""
        ...

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """Wait for `seconds` or until `stop` is set; return whether `stop` is set."""
        ...


class SystemTime:
    """The time of this computer."""

    def monotonic(self) -> float:
        """Seconds of CLOCK_MONOTONIC."""
        return time.monotonic()

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """Wait for `seconds` or until `stop` is set; return whether `stop` is set."""
        return stop.wait(max(0.0, seconds))


def to_utc(moment: float, timebase: Timebase) -> datetime:
    """Give the UTC time of a monotonic moment, by the system clock as it stands now."""
    return datetime.now(UTC) + timedelta(seconds=moment - timebase.monotonic())
