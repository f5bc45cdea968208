"""Windows of signal at the model's rate, live and offline by the same path."""

from __future__ import annotations

import numpy as np

from harpi.signal.resample import Resampler
from harpi.types import AXES, FloatArray, Samples, TimeArray, Window


class WindowMaker:
    """Cuts a stream of samples into windows, of which none spans a gap.

    Args:
        input_rate: samples per second that come in.
        rate: samples per second of the windows.
        length: samples in a window, at `rate`.
        hop: samples from the start of one window to the start of the next, at `rate`;
            more than `length` leaves signal out between windows.

    Raises:
        ValueError: a rate, the length or the hop is not positive.
    """

    def __init__(self, input_rate: float, rate: float, length: int, hop: int) -> None:
        if length < 1 or hop < 1:
            raise ValueError(f"length and hop must be at least 1, got {length} and {hop}")
        self._resampler = Resampler(input_rate, rate)
        self._length = length
        self._hop = hop
        self._values: FloatArray = np.empty((0, len(AXES)), np.float32)
        self._times: TimeArray = np.empty(0)
        self._skip = 0

    @property
    def delay(self) -> float:
        """Seconds by which windows come later than their last sample, for the filter."""
        return self._resampler.delay

    def push(self, samples: Samples) -> list[Window]:
        """Take the next samples; give the windows that they complete, oldest first."""
        resampled = self._resampler.push(samples)
        if resampled.gap:
            self._values, self._times, self._skip = self._values[:0], self._times[:0], 0
        self._values = np.concatenate([self._values, resampled.values])
        self._times = np.concatenate([self._times, resampled.times])

        windows = []
        begin = self._skip
        while begin + self._length <= len(self._values):
            span = slice(begin, begin + self._length)
            times = self._times[span]
            windows.append(
                Window(self._values[span].copy(), start=float(times[0]), end=float(times[-1]))
            )
            begin += self._hop
        done = min(begin, len(self._values))
        self._values = self._values[done:]
        self._times = self._times[done:]
        self._skip = begin - done
        return windows


def windows_of(
    values: FloatArray, input_rate: float, *, rate: float, length: int, hop: int
) -> FloatArray:
    """Cut a whole stretch of signal without gaps, exactly as `WindowMaker` does it live.

    Args:
        values: ``[n, 6]`` at `input_rate`.
        input_rate: samples per second of `values`.
        rate: samples per second of the windows.
        length: samples in a window.
        hop: samples from the start of one window to the start of the next.

    Returns:
        float32 ``[k, length, 6]``; k is 0 when the stretch is too short.
    """
    samples = Samples(values, np.arange(len(values)) / input_rate)
    windows = WindowMaker(input_rate, rate, length, hop).push(samples)
    if not windows:
        return np.empty((0, length, len(AXES)), np.float32)
    return np.stack([window.values for window in windows])
