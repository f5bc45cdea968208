"""Time that passes only when somebody waits: an hour of sampling in seconds."""

from __future__ import annotations

import threading


class VirtualTime:
    """A `harpi.timebase.Timebase` whose clock jumps to the end of every wait.

    Transfers on an `EmulatedBus` move it too, by the time that they take on the wire. It may
    be read from any thread, but one thread alone should wait on it (the sampler's): two that
    wait in turns do not wait for each other, so the faster one would run away with the time.

    Args:
        start: seconds that `monotonic` shows at first.
    """

    def __init__(self, start: float = 0.0) -> None:
        self._now = start
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        """Virtual seconds."""
        return self._now

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """Let `seconds` pass at once, unless `stop` is set; return whether it is set."""
        if stop.is_set():
            return True
        self.advance(max(0.0, seconds))
        return False

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass.

        Raises:
            ValueError: `seconds` is negative or not a number.
        """
        if not seconds >= 0.0:
            raise ValueError(f"time cannot go back by {-seconds} s")
        with self._lock:
            self._now += seconds
