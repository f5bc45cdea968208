"""When to empty the FIFO: after which sample, counted from the last gap."""

from __future__ import annotations

import math
from typing import Final

_FUZZ: Final = 1e-6
"""Samples by which floating point may miss a whole number."""

_GROWTH: Final = 3


class DrainSchedule:
    """The samples after which the FIFO is emptied.

    At first 1, 3, 9, 27 ... so that the first samples come soon and the clock learns its
    period without ever predicting far ahead; then in equal steps.

    Args:
        step: samples from one drain to the next.
        offset: samples after which one of the drains lies, and all others whole steps away.
    """

    def __init__(self, step: float, offset: float = 0.0) -> None:
        self.step = step
        self._offset = offset % step

    @classmethod
    def for_windows(cls, hop: float, first: float, most: int) -> DrainSchedule:
        """Drain right after the sample that completes a window, and between if need be.

        Args:
            hop: samples from one window to the next, at the chip's rate.
            first: samples that the first window takes.
            most: samples that may be fetched at once.
        """
        return cls(hop / math.ceil(hop / most), first)

    def next(self, number: int) -> int:
        """Give the sample to wait for when `number` samples were fetched since the gap."""
        steps = math.floor((number - self._offset + _FUZZ) / self.step) + 1
        due = math.ceil(self._offset + steps * self.step - _FUZZ)
        return max(number + 1, min(due, _GROWTH * number))
