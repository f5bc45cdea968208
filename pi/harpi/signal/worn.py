"""Does a body carry the sensor, or does it lie about?

A living body is never as still as a table: breath, pulse and muscles turn a sensor on it
by tenths of a degree per second. What a lying MPU-6050 shows is its own noise.

Measured as the length of the spread of a window of 2.56 s over the three axes: an MPU-6050
that lies free has 0.04 deg/s and 3 mg (its datasheet's noise, after the filter to 25 Hz).
Of 115,000 windows of people who sit, stand or lie (HAPT waist, DSADS five places, MotionSense
pocket, WISDM wrist) none has less than 0.11 deg/s, and the longest stretch below the limits
used here was 15 s, in a pocket.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from harpi.types import Window

STILL_GYRO: Final = 0.2
"""Spread of the angular rate below which a window is stiller than a body, deg/s."""

STILL_ACCEL: Final = 0.008
"""Likewise of the acceleration, g."""

STILL_SECONDS: Final = 30.0
"""How long it must stay so still to be called not worn."""


class WornWatch:
    """Watches windows for a stillness that no body keeps.

    One window of motion is enough to be worn again.

    Args:
        seconds: stillness after which the sensor is not worn.
    """

    def __init__(self, seconds: float = STILL_SECONDS) -> None:
        self._seconds = seconds
        self._still_since: float | None = None

    def worn(self, window: Window) -> bool:
        """Take the next window; tell whether the sensor is worn at its end."""
        spread = window.values.std(axis=0)
        still = (
            np.linalg.norm(spread[:3]) < STILL_ACCEL and np.linalg.norm(spread[3:]) < STILL_GYRO
        )
        if not still:
            self._still_since = None
            return True
        if self._still_since is None:
            self._still_since = window.start
        return window.end - self._still_since < self._seconds
