"""The digital low-pass filter (DLPF) of the chip, run over whole blocks of samples."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harpi.types import FloatArray

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
