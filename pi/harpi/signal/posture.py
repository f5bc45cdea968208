"""Is the sensor held as in any of the takes? Gravity tells, as far as it can.

The mean acceleration of a window says which way is up in the chip's axes. Where for half a
minute that is far from every window that was learnt, the strap has turned, or the wearer does
something that was never taught; either way the answers are guesses.

Measured with DSADS (five places on the body, 6 people; sitting, standing, walking and running
taught for 20 s each), half minutes that are called strange: of the taught activities 0 of
1890; with a strap that was turned by 60 degrees about any axis 44 to 63 %, by 90 degrees 64 to
90 %; of the other activities 12 to 20 %. A turn about the vertical moves nothing.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harpi.types import FloatArray, Window

STRANGE_DEGREES: Final = 35.0
"""Between up now and up in the nearest window that was learnt, from which it is strange."""

STRANGE_SECONDS: Final = 30.0
"""How long the median must be so far away."""

LONGEST_PAUSE: Final = 3.0
"""Seconds without a window, after which everything is looked at anew."""

Directions = NDArray[np.float64]


def up(windows: FloatArray) -> Directions:
    """Give the direction that is up in each window.

    Args:
        windows: ``[n, T, 6]``.

    Returns:
        Unit vectors ``[n, 3]`` in the chip's axes; 0 where there is no acceleration.
    """
    mean = windows[:, :, :3].mean(axis=1, dtype=np.float64)
    length = np.linalg.norm(mean, axis=1, keepdims=True)
    directions: Directions = np.divide(mean, length, out=np.zeros_like(mean), where=length > 0)
    return directions


class PostureWatch:
    """Watches windows for a posture of the sensor that was never learnt.

    Any thread may `learn`; the windows are those of one thread.

    Args:
        seconds: of a strange posture after which it is said.
    """

    def __init__(self, seconds: float = STRANGE_SECONDS) -> None:
        self._seconds = seconds
        self._known: Directions = np.empty((0, 3))
        self._seen: deque[tuple[float, float]] = deque()

    def learn(self, directions: Directions) -> None:
        """Know these directions ``[n, 3]`` of up from now on, and no others."""
        self._known = directions

    def strange(self, window: Window) -> bool:
        """Take the next window; tell whether the sensor is held as in nothing learnt."""
        known = self._known
        if not len(known):
            self._seen.clear()
            return False
        if self._seen and window.end - self._seen[-1][0] > LONGEST_PAUSE:
            self._seen.clear()
        cosine = float((known @ up(window.values[None])[0]).max())
        self._seen.append((window.end, float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))))
        while len(self._seen) > 1 and window.end - self._seen[1][0] >= self._seconds:
            self._seen.popleft()
        long_enough = window.end - self._seen[0][0] >= self._seconds
        return long_enough and float(np.median([a for _, a in self._seen])) > STRANGE_DEGREES
