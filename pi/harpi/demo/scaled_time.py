"""Time that runs faster than the clock on the wall, so that a demo need not take minutes."""

from __future__ import annotations

import threading
import time


class ScaledTime:
    """A `harpi.timebase.Timebase` that runs `speed` times as fast as this computer's.

    Args:
        speed: above 0; 1 is real time.
    """

    def __init__(self, speed: float) -> None:
        self._pace = (0.0, 0.0, speed)

    def go(self, speed: float) -> None:
        """Run at another speed from now on; whoever waits already waits as before."""
        self._pace = (time.monotonic(), self.monotonic(), speed)

    def monotonic(self) -> float:
        """Scaled seconds."""
        real, scaled, speed = self._pace
        return scaled + (time.monotonic() - real) * speed

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """Wait for `seconds` of scaled time or until `stop` is set; return whether it is."""
        return stop.wait(max(0.0, seconds) / self._pace[2])
