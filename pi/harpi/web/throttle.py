"""How often somebody may fail."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Final

MOST_KEYS: Final = 1024
"""Of so many is remembered how often they failed; the one that failed longest ago is
forgotten for a new one."""


class Throttle:
    """Lets fail some times at once, and then once in a while.

    Args:
        failures: that are free.
        seconds: after which one of them is forgiven.
        clock: in seconds.
    """

    def __init__(
        self, failures: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._failures = failures
        self._seconds = seconds
        self._clock = clock
        self._clean_at: dict[Hashable, float] = {}
        """By who failed: when everything is forgiven; the latest to fail last."""

    def wait(self, key: Hashable) -> float:
        """Give the seconds until somebody may try again; 0 for at once."""
        debt = self._clean_at.get(key, 0.0) - self._clock()
        return max(0.0, debt - (self._failures - 1) * self._seconds)

    def fail(self, key: Hashable) -> None:
        """Note that somebody failed."""
        now = self._clock()
        clean_at = max(self._clean_at.pop(key, now), now)
        if len(self._clean_at) >= MOST_KEYS:
            del self._clean_at[next(iter(self._clean_at))]
        self._clean_at[key] = clean_at + self._seconds
