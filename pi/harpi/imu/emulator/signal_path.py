"""From true motion to the 16-bit words that the chip puts into its registers and its FIFO."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harpi.imu.emulator.motion import Motion
from harpi.imu.emulator.settings import ACCEL_RATE, Setting
from harpi.types import FloatArray, TimeArray

Words = NDArray[np.int16]
"""Big-endian int16 ``[n, 7]``: accel x y z, temperature, gyro x y z, as registers 0x3B-0x48."""

ACCEL_NOISE: Final = 400e-6
"""g per root Hz (PS-MPU-6000A r3.4, 6.2)."""

GYRO_NOISE: Final = 0.005
"""deg/s per root Hz (PS-MPU-6000A r3.4, 6.1)."""

_BLOCK_TICKS: Final = 1024

_START_UP_ERROR: Final = 40.0

_START_UP_TIME: Final = 30e-3 / math.log(_START_UP_ERROR)


class SignalPath:
    """Noise, filters, divider, range and rounding, rendered ahead in blocks.

    Ticks count the gyroscope's samples since `start`; the chip's clock, and so every tick, is
    off by `clock_error`. Blocks that were rendered ahead are thrown away, with the filters
    set back to where they were, when the setting or the motion changes.

    Args:
        motion: the true motion.
        rng: where the noise comes from; None for a chip without noise.
        clock_error: 0.02 for a chip whose clock runs 2 % fast.
        accel_gain: ``[3, 3]``, scale and misalignment of the accelerometer; None for none.
    """

    def __init__(
        self,
        motion: Motion,
        rng: np.random.Generator | None,
        clock_error: float,
        accel_gain: ArrayLike | None = None,
    ) -> None:
        self.motion = motion
        self._gain = None if accel_gain is None else np.asarray(accel_gain, np.float32).T
        self._rng = rng
        self._clock_error = clock_error
        self._origin = 0.0
        self._tick = 0
        self._tick_rate = 1.0
        self._forget()

    def start(self, setting: Setting, now: float, *, gyro_start: float, latest: Words) -> None:
        """Begin to sample at `now`.

        Args:
            setting: how.
            now: monotonic seconds.
            gyro_start: when the gyroscope's drive was switched on.
            latest: seven words, what the sensor registers show; axes in stand-by keep them.
        """
        self._origin = now
        self._gyro_start = gyro_start
        self._latest = latest
        self._tick = 0
        self._use(setting)
        self._settle()

    def change(self, setting: Setting) -> None:
        """Go on in step, with other filters, ranges or offsets than before."""
        self._rewind()
        self._use(setting)

    def set_clock_error(self, clock_error: float) -> None:
        """Let the chip's clock run at another speed after the last output."""
        self._rewind()
        latest = self.latest_time
        self._tick_rate *= (1.0 + clock_error) / (1.0 + self._clock_error)
        self._clock_error = clock_error
        self._origin = latest - self._tick / self._tick_rate

    @property
    def period(self) -> float:
        """True seconds from one output to the next."""
        return self._setting.step / self._tick_rate

    @property
    def latest_time(self) -> float:
        """When the last output that was taken was due, in monotonic seconds."""
        return self._origin + self._tick / self._tick_rate

    def due(self, now: float) -> int:
        """How many outputs have become due until `now` and were not taken yet."""
        # A millionth of a tick forgives the rounding of times.
        ticks = math.floor((now - self._origin) * self._tick_rate + 1e-6)
        return (ticks - self._tick) // self._setting.step

    def skip(self, count: int) -> None:
        """Pass over `count` outputs that nobody can ever see."""
        self._rewind()
        self._tick += count * self._setting.step
        self._settle()

    def take(self, count: int) -> Words:
        """Give at most the next `count` outputs: big-endian int16 ``[m, 7]``, m >= 1."""
        if self._revision != self.motion.revision:
            self._rewind()
        if self._next == len(self._ready):
            self._render()
        words = self._ready[self._next : self._next + count]
        self._next += len(words)
        self._tick += len(words) * self._setting.step
        self._latest = words[-1]
        return words

    def _use(self, setting: Setting) -> None:
        self._setting = setting
        self._tick_rate = setting.rate * (1.0 + self._clock_error)
        self._accel_filter = LowPass(ACCEL_RATE, *ACCEL_DLPF[setting.accel_dlpf])
        self._gyro_filter = LowPass(setting.rate, *GYRO_DLPF[setting.gyro_dlpf])
        self._scale = np.array([setting.accel_lsb] * 3 + [setting.gyro_lsb] * 3, np.float32)
        self._offset = np.array(setting.offset, np.float32)
        self._held = np.array(setting.held)

    def _settle(self) -> None:
        """Set the filters to where a motion at rest would have brought them by now."""
        now = self._motion_at(np.array([self._tick]), 0.0)[0]
        self._accel_state, self._gyro_state = now[:3], now[3:]
        self._forget()

    def _forget(self) -> None:
        self._ready: Words = np.zeros((0, 7), ">i2")
        self._next = 0
        self._ready_from = self._tick
        self._revision = self.motion.revision

    def _rewind(self) -> None:
        """Throw away what was rendered ahead and set the filters back to the present tick."""
        done = self._tick - self._ready_from
        if done:
            self._gyro_state = self._gyro[done - 1]
            ratio = self._setting.rate // ACCEL_RATE
            accel_done = self._tick // ratio - self._ready_from // ratio
            if accel_done:
                self._accel_state = self._accel[accel_done - 1]
        self._forget()

    def _render(self) -> None:
        """Compute the next block of outputs."""
        self._rewind()
        setting = self._setting
        outputs = max(1, _BLOCK_TICKS // setting.step)
        ticks = self._tick + np.arange(1, outputs * setting.step + 1)
        gyro = self._motion_at(ticks, self._gyro_filter.dead_time)[:, 3:]
        gyro = gyro + self._noise(gyro.shape, GYRO_NOISE, setting.rate)
        self._gyro = self._gyro_filter.run(gyro, self._gyro_state)
        ratio = setting.rate // ACCEL_RATE
        accel_ticks = np.arange(self._tick // ratio + 1, ticks[-1] // ratio + 1) * ratio
        accel = self._motion_at(accel_ticks, self._accel_filter.dead_time)[:, :3]
        accel = accel + self._noise(accel.shape, ACCEL_NOISE, ACCEL_RATE)
        self._accel = self._accel_filter.run(accel, self._accel_state)
        last = slice(setting.step - 1, None, setting.step)
        history = np.vstack([self._accel_state, self._accel])
        held = history[ticks[last] // ratio - self._tick // ratio]
        values = np.hstack([held, self._gyro[last]]) + self._offset
        values[:, 3:] += self._start_up(ticks[last])[:, None]
        counts = np.clip(np.rint(values * self._scale), -32768, 32767)
        self._ready = np.empty((outputs, 7), ">i2")
        self._ready[:, :3] = counts[:, :3]
        self._ready[:, 3] = setting.temperature
        self._ready[:, 4:] = counts[:, 3:]
        self._ready[:, self._held] = self._latest[self._held]

    def _noise(self, shape: tuple[int, ...], density: float, rate: float) -> FloatArray:
        """White noise of `density` per root Hz, sampled at `rate` before the filter."""
        if self._rng is None:
            return np.zeros(shape, np.float32)
        return self._rng.standard_normal(shape, np.float32) * np.float32(
            density * math.sqrt(rate / 2.0)
        )

    def _motion_at(self, ticks: NDArray[np.int64], dead_time: float) -> FloatArray:
        times: TimeArray = self._origin + ticks / self._tick_rate - dead_time
        values = self.motion.values(times)
        if self._gain is not None:
            values[:, :3] = values[:, :3] @ self._gain
        return values

    def _start_up(self, ticks: NDArray[np.int64]) -> FloatArray:
        """Error of a gyroscope that was just switched on: under 1 deg/s after 30 ms."""
        age = self._origin + ticks / self._tick_rate - self._gyro_start
        error = _START_UP_ERROR * np.exp(-np.maximum(age, 0.0) / _START_UP_TIME)
        return error.astype(np.float32)


ACCEL_DLPF: Final = (
    (260.0, 0.0),
    (184.0, 2.0e-3),
    (94.0, 3.0e-3),
    (44.0, 4.9e-3),
    (21.0, 8.5e-3),
    (10.0, 13.8e-3),
    (5.0, 19.0e-3),
    (260.0, 0.0),
)
"""Bandwidth in Hz and delay in s of the accelerometer by DLPF_CFG (RM r4.2, register 0x1A)."""

GYRO_DLPF: Final = (
    (256.0, 0.98e-3),
    (188.0, 1.9e-3),
    (98.0, 2.8e-3),
    (42.0, 4.8e-3),
    (20.0, 8.3e-3),
    (10.0, 13.4e-3),
    (5.0, 18.6e-3),
    (256.0, 0.98e-3),
)
"""Bandwidth in Hz and delay in s of the gyroscope by DLPF_CFG (RM r4.2, register 0x1A)."""

_SPAN: Final = 64


class LowPass:
    """One real pole with the -3 dB point of the data sheet, and a dead time.

    The data sheet gives bandwidth and delay, not the filter. One pole explains both: from 184
    to 20 Hz the listed delay is that of one pole plus about a millisecond, which is modelled
    as a dead time. At 10 and 5 Hz one pole alone is slower (15.9 and 31.8 ms) than the
    table says (13.8 and 19.0 ms), and no filter without resonance is that quick; there the
    bandwidth is kept and the delay is the pole's.

    Args:
        rate: samples per second of the chip.
        bandwidth: -3 dB point in Hz.
        delay: of slow signals, in seconds.

    Attributes:
        dead_time: seconds by which the input must be taken earlier.
    """

    def __init__(self, rate: float, bandwidth: float, delay: float) -> None:
        # |H|^2 = (1-p)^2 / (1 - 2 p cos w + p^2) = 1/2, solved for the pole p.
        bend = 2.0 - math.cos(2.0 * math.pi * bandwidth / rate)
        self.pole = bend - math.sqrt(bend * bend - 1.0)
        self.dead_time = max(0.0, delay - self.pole / (1.0 - self.pole) / rate)
        lag = np.arange(_SPAN)[:, None] - np.arange(_SPAN)
        response = np.where(lag >= 0, (1.0 - self.pole) * self.pole ** np.maximum(lag, 0), 0.0)
        self._response = response.astype(np.float32)
        self._decay = (self.pole ** np.arange(1, _SPAN + 1)).astype(np.float32)[:, None]

    def run(self, values: FloatArray, state: NDArray[np.float32]) -> FloatArray:
        """Filter a block.

        Args:
            values: float32 ``[n, k]``.
            state: float32 ``[k]``, the output just before the block.

        Returns:
            float32 ``[n, k]``.
        """
        count, width = values.shape
        spans = -(-count // _SPAN)
        padded = np.zeros((spans * _SPAN, width), np.float32)
        padded[:count] = values
        filtered = self._response @ padded.reshape(spans, _SPAN, width)
        for span in filtered:
            span += self._decay * state
            state = span[-1]
        return filtered.reshape(-1, width)[:count]
