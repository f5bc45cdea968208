"""The chip's clock against the host's: when each sample was taken, and when to read the FIFO.

The chip samples by an oscillator of its own, a few per cent off and drifting with its
temperature, and says nothing about when. All that the host sees is how many samples are
complete at a moment of its own choosing. Counting n samples between the moments `before` and
`after` proves two things about the line *time = offset + period x number* on which the
samples lie, however late the host's thread was::

    time of sample n      <=  after       a ceiling: it was already there
    time of sample n + 1  >=  before      a floor: it was not there yet

`ChipClock` keeps ceilings and floors of the last half minute and fits the line midway through
the room that they leave. A late thread only makes a bound that is too wide to matter, where
least squares would take its delay for the chip's. Counts taken just around a sample leave
little room; `ChipClock.expect` tells when to take them.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harpi.types import TimeArray

_OSCILLATOR_TOLERANCE: Final = 0.05
"""How far the chip's rate may be off; the oscillator is specified within 1 to 2 %, and Linux
`inv_mpu_ring.c` allows for 4 %."""

_DRIFT: Final = 2e-6
"""Change of the chip's rate that is allowed for, per second: warm-up, and skin contact."""

_RESTART_TOLERANCE: Final = 5e-4
"""How far the rate may have moved while the chip was reset."""

_MEMORY_SECONDS: Final = 30.0

_STRIDES: Final = 30

_RECENT: Final = 16

_CAPACITY: Final = 64
"""Bounds of the last half minute are remembered: the recent ones all, before them the tightest
of every stride, so that there are never more than `_CAPACITY`."""

_RESOLUTION: Final = 1e-9
"""Seconds that two readings of a clock can differ by."""

_SLEW: Final = 0.05
"""How much an interval between two given times may differ from the period, at most, while
the times follow a better estimate."""


class _Bounds:
    """Ceilings or floors: sample numbers, and for each a moment on one side of it.

    Args:
        side: +1 for ceilings, -1 for floors.

    Attributes:
        numbers: of the samples, float64 ``[n]``, ascending.
        moments: as observed, monotonic seconds.
        loose: the moments, widened by how far the chip's rate may have drifted since.
    """

    def __init__(self, side: int) -> None:
        self._side = side
        self._memory = np.empty((2, _CAPACITY))
        self._select(0)

    def __len__(self) -> int:
        return self.numbers.size

    def _select(self, count: int) -> None:
        self.numbers: TimeArray = self._memory[0, :count]
        self.moments: TimeArray = self._memory[1, :count]
        self.loose: TimeArray = self.moments

    def _keep(self, chosen: NDArray[np.intp]) -> None:
        self._memory[:, : len(chosen)] = self._memory[:, chosen]
        self._select(len(chosen))

    def add(self, number: int, moment: float, period: float) -> None:
        if len(self) == _CAPACITY:
            self._thin_out(period)
        count = len(self)
        self._memory[:, count] = number, moment
        self._select(count + 1)

    def forget_before(self, moment: float) -> None:
        """Drop what is older, but never the last bound."""
        if len(self) and self.moments[0] < moment:
            recent = self.moments >= moment
            recent[-1] = True
            self._keep(np.flatnonzero(recent))

    def loosen(self, now: float) -> None:
        age = now - self.moments
        self.loose = self.moments + self._side * (0.5 * _DRIFT) * age * age

    def _thin_out(self, period: float) -> None:
        old = slice(0, -_RECENT)
        slack = self._side * (self.moments[old] - period * self.numbers[old])
        age = self.moments[-_RECENT] - self.moments[old]
        stride = -np.ceil(age * (_STRIDES / max(age[0], _RESOLUTION)))
        tightest_first = np.lexsort((slack, stride))
        begins = np.unique(stride[tightest_first], return_index=True)[1]
        recent = np.arange(_CAPACITY - _RECENT, _CAPACITY)
        self._keep(np.concatenate([np.sort(tightest_first[begins]), recent]))


class ChipClock:
    """The line from sample numbers to monotonic seconds; see the module.

    Sample numbers count from 1 since the last `restart`.

    Args:
        rate: nominal samples per second.
    """

    def __init__(self, rate: float) -> None:
        self._nominal = 1.0 / rate
        self._shortest = self._nominal / (1 + _OSCILLATOR_TOLERANCE)
        self._longest = self._nominal / (1 - _OSCILLATOR_TOLERANCE)
        self._limits = (self._shortest, self._longest)
        self._last_time = -np.inf
        self._begin()

    def _begin(self) -> None:
        self._ceilings = _Bounds(+1)
        self._floors = _Bounds(-1)
        self._range = self._limits
        self._last_number = 0

    def restart(self, moment: float) -> None:
        """Begin to count anew after a gap; what is known of the period is kept.

        Args:
            moment: monotonic seconds after which sample 1 was taken.
        """
        shortest, longest = self._range
        self._limits = (
            max(self._shortest, shortest * (1 - _RESTART_TOLERANCE)),
            min(self._longest, longest * (1 + _RESTART_TOLERANCE)),
        )
        self._begin()
        self._floors.add(1, moment, self.period)
        self._fit(moment)

    @property
    def period(self) -> float:
        """Seconds between two samples, as estimated."""
        return sum(self._range) / 2

    @property
    def error_ppm(self) -> float:
        """How much faster than nominal the chip samples, parts per million."""
        return (self._nominal / self.period - 1) * 1e6

    def observe(self, number: int, before: float, after: float) -> None:
        """Take in that exactly `number` samples were complete at a moment.

        Args:
            number: samples complete since the restart.
            before: the count was not taken earlier than this, monotonic seconds.
            after: the count was not taken later than this.
        """
        if number:
            self._ceilings.add(number, after, self.period)
        self._floors.add(number + 1, before, self.period)
        for bounds in (self._ceilings, self._floors):
            bounds.forget_before(after - _MEMORY_SECONDS)
        self._fit(after)

    def expect(self, number: int) -> tuple[float, float]:
        """Give the moments between which a sample to come will be complete.

        Args:
            number: not smaller than any that was observed.
        """
        shortest, longest = self._range
        floors, ceilings = self._floors, self._ceilings
        earliest = float((floors.loose + shortest * (number - floors.numbers)).max())
        if not len(ceilings):
            return earliest, earliest + longest
        latest = float((ceilings.loose + longest * (number - ceilings.numbers)).min())
        return earliest, max(earliest, latest)

    def times(self, number: int) -> TimeArray:
        """Give the times of the samples up to `number` that were not yet given.

        They ascend and are smooth: a better estimate is followed gradually.

        Args:
            number: the last sample of the batch; it must have been observed.

        Returns:
            float64 ``[n]``, monotonic seconds.
        """
        count = number - self._last_number
        period = self.period
        end = self._line_at(number)
        if self._last_number == 0:
            # Real time has passed since the last sample before the gap, a sliver at least.
            step = period
            start = max(end - period * count, self._last_time - 0.9 * period)
        else:
            start = self._last_time
            step = min(max((end - start) / count, period * (1 - _SLEW)), period * (1 + _SLEW))
        times: TimeArray = start + step * np.arange(1.0, count + 1)
        self._last_number = number
        self._last_time = float(times[-1])
        return times

    def _line_at(self, number: int) -> float:
        """Give the middle of the room between the bounds, along the estimated period."""
        earliest = self._floors.loose + self.period * (number - self._floors.numbers)
        latest = self._ceilings.loose + self.period * (number - self._ceilings.numbers)
        return float(earliest.max() + latest.min()) / 2

    def _fit(self, now: float) -> None:
        """Find the shortest and the longest period that satisfy all the bounds."""
        while True:
            self._ceilings.loosen(now)
            self._floors.loosen(now)
            # The line between a ceiling and a floor: the longest period where the ceiling is
            # on the right, the shortest where the floor is.
            distance = np.subtract.outer(self._ceilings.numbers, self._floors.numbers)
            height = np.subtract.outer(self._ceilings.loose, self._floors.loose)
            with np.errstate(divide="ignore", invalid="ignore"):
                slope = height / distance
            longest = float(np.min(slope, where=distance > 0, initial=self._limits[1]))
            shortest = float(np.max(slope, where=distance < 0, initial=self._limits[0]))
            if shortest <= longest:
                self._range = (shortest, longest)
                return
            self._forget_older_half()

    def _forget_older_half(self) -> None:
        """Let go of a past that contradicts the present; the chip drifted or the host slept."""
        self._limits = (self._shortest, self._longest)
        for bounds in (self._ceilings, self._floors):
            bounds.forget_before(float(bounds.moments[len(bounds) // 2]))


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
