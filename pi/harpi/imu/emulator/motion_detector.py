"""The chip's motion interrupt, as the register map up to r4.0 describes it.

The acceleration goes through a high-pass filter (ACCEL_HPF: 0 reset, 1 to 4 from 5 Hz down to
0.63 Hz, 7 hold, that is less the sample at which it was set). Motion is found when any axis of
the result exceeds MOT_THR (2 mg per LSB) for MOT_DUR samples in a row; r4.0 counts
milliseconds, which are samples at 1 kHz, and in cycle mode only the samples' time passes.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

G_PER_LSB: Final = 0.002
HOLD: Final = 7
_CUTOFFS: Final = {1: 5.0, 2: 2.5, 3: 1.25, 4: 0.63}
_RATE: Final = 1000.0


class MotionDetector:
    """The filter and the counter."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything, as with ACCEL_HPF at 0."""
        self._mode = 0
        self._held: NDArray[np.float64] | None = None
        self._counted = 0

    def moved(
        self, accel: NDArray[np.float64], *, high_pass: int, threshold: int, duration: int
    ) -> bool:
        """Take the next samples; tell whether the interrupt is raised by any of them.

        Args:
            accel: ``[n, 3]``, g.
            high_pass: content of ACCEL_HPF, not 0.
            threshold: content of MOT_THR, not 0.
            duration: content of MOT_DUR.
        """
        if high_pass != self._mode:
            self._mode, self._held = high_pass, None
        raised = False
        for sample in accel:
            if self._held is None:
                self._held = sample
            exceeds = np.abs(sample - self._held).max() > threshold * G_PER_LSB
            if high_pass != HOLD:
                share = 1 - math.exp(-2 * math.pi * _CUTOFFS.get(high_pass, 5.0) / _RATE)
                self._held = self._held + share * (sample - self._held)
            self._counted = self._counted + 1 if exceeds else 0
            raised |= exceeds and self._counted >= max(1, duration)
        return raised
