"""From the chip's rate to windows at the model's rate, live and offline by the same path.

The filter is a Kaiser-windowed sinc (Oppenheim and Schafer, Discrete-Time Signal
Processing, 3rd ed., section 7.6), evaluated once for every phase that the ratio of the
rates needs. It is linear phase, and the time given to an output is that of the middle of
the filter, so nothing is shifted. The output does not depend, to the last bit, on how the
input was cut into blocks.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

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


PASSBAND: Final = 0.4
"""End of the passband, as a share of the lower of the two rates."""

STOPBAND: Final = 0.6
"""Start of the stopband, as a share of the lower of the two rates.

What lies between half the rate and here folds back above the passband only.
"""

ATTENUATION_DB: Final = 60.0
"""Attenuation in the stopband; the gain in the passband is within as much of 1."""

_MARGIN_DB: Final = 3.0
"""Kaiser's formulas are estimates; with this much on top the figure above holds."""

_LARGEST_DENOMINATOR: Final = 10_000
"""Ratios are taken as fractions up to this: exact for whole rates, else within 1e-6."""

_BLOCK: Final = 4096
"""Outputs that are computed at once, so that an hour of signal needs little memory."""


class Resampler:
    """Changes the rate of a stream of samples.

    Equal rates pass the samples through untouched. Otherwise the first output lies
    `delay` seconds after the first input, and as much signal is held back at the end; a
    gap in the input empties the filter and begins anew.

    Args:
        input_rate: samples per second that come in.
        rate: samples per second that go out.

    Raises:
        ValueError: a rate is not a positive number.
    """

    def __init__(self, input_rate: float, rate: float) -> None:
        if not (0 < input_rate < np.inf and 0 < rate < np.inf):
            raise ValueError(f"rates must be positive, got {input_rate} and {rate}")
        ratio = (Fraction(rate) / Fraction(input_rate)).limit_denominator(_LARGEST_DENOMINATOR)
        if ratio == 0:
            raise ValueError(f"cannot go from {input_rate} to {rate} samples per second")
        self._up, self._down = ratio.numerator, ratio.denominator
        self._passes_through = ratio == 1
        self._taps = _polyphase_taps(min(1.0, float(ratio)), self._up)
        self._middle = 0 if self._passes_through else self._taps.shape[1] // 2
        self._input_rate = input_rate
        self._values: FloatArray = np.empty((0, len(AXES)), np.float32)
        self._times: TimeArray = np.empty(0)
        # Position of the next output's first tap, counted from the buffer's first sample
        # in 1/up of an input sample.
        self._position = 0
        self._gap = False

    @property
    def delay(self) -> float:
        """Seconds of signal that an output needs before and after its own time."""
        return self._middle / self._input_rate

    def push(self, samples: Samples) -> Samples:
        """Take the next samples; give those that they complete.

        Args:
            samples: values ``[n, 6]`` at the input rate.

        Returns:
            Samples at the output rate, possibly none; `gap` is set on the first ones after
            a gap in the input.
        """
        if self._passes_through:
            return samples
        if samples.gap:
            self._values, self._times, self._position = self._values[:0], self._times[:0], 0
            self._gap = True
        self._values = np.concatenate([self._values, samples.values])
        self._times = np.concatenate([self._times, samples.times])
        return self._outputs()

    def _outputs(self) -> Samples:
        """Compute the outputs that the buffer allows, drop what no later one needs."""
        width = self._taps.shape[1]
        last = (len(self._values) - width + 1) * self._up - 1
        count = max(0, (last - self._position) // self._down + 1)
        positions = self._position + self._down * np.arange(count)
        first, phase = np.divmod(positions, self._up)

        values = np.empty((count, len(AXES)), np.float32)
        if count:
            stretches = np.lib.stride_tricks.sliding_window_view(self._values, width, axis=0)
            for begin in range(0, count, _BLOCK):
                block = slice(begin, begin + _BLOCK)
                # Summed along the contiguous axis of a product, not by a matrix product:
                # the order of the additions must not depend on the number of outputs.
                taps = self._taps[phase[block], None, :]
                products = np.multiply(stretches[first[block]], taps, order="C")
                values[block] = products.sum(axis=-1)
        times = self._times_between(first + self._middle, phase / self._up)

        gap, self._gap = self._gap and count > 0, self._gap and count == 0
        self._position += count * self._down
        done = min(self._position // self._up, len(self._values))
        self._position -= done * self._up
        self._values = self._values[done:]
        self._times = self._times[done:]
        return Samples(values, times, gap)

    def _times_between(self, index: NDArray[np.int64], share: NDArray[np.float64]) -> TimeArray:
        """Give the times at `index` plus a `share` of the way to the sample after it."""
        after = np.minimum(index + 1, len(self._times) - 1)
        start = self._times[index]
        times: TimeArray = start + share * (self._times[after] - start)
        return times


def _polyphase_taps(ratio: float, phases: int) -> NDArray[np.float64]:
    """Design the low-pass filter for every phase.

    Args:
        ratio: lower of the two rates divided by the input rate.
        phases: number of positions that an output can have between two inputs.

    Returns:
        ``[phases, width]``, width odd; every phase sums to 1, so that a constant stays
        what it is.
    """
    transition = 2 * np.pi * (STOPBAND - PASSBAND) * ratio
    attenuation = ATTENUATION_DB + _MARGIN_DB
    half = int(np.ceil((attenuation - 7.95) / (2.285 * transition) / 2))
    beta = 0.1102 * (attenuation - 8.7)
    distance = np.arange(-half, half + 1) - np.arange(phases)[:, None] / phases
    inside = np.sqrt(np.clip(1 - (distance / half) ** 2, 0, None))
    window = np.where(np.abs(distance) <= half, np.i0(beta * inside), 0)
    taps = np.sinc((PASSBAND + STOPBAND) * ratio * distance) * window
    normalised: NDArray[np.float64] = taps / taps.sum(axis=1, keepdims=True)
    return normalised
