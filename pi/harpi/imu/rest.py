"""A sensor at rest: whether it is, and what its noise and its zero should be.

Limits from PS-MPU-6000A r3.4, 6.1 and 6.2: noise density 400 µg and 0.005 deg/s per root Hz,
zero-g within 50 mg (z 80 mg), sensitivity within 3 %, zero-rate within 20 deg/s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harpi.errors import SensorMoves
from harpi.imu import registers as reg
from harpi.imu.settings import ChipSettings
from harpi.types import FloatArray

ACCEL_DENSITY: Final = 400e-6
"""g per root Hz."""

GYRO_DENSITY: Final = 0.005
"""deg/s per root Hz."""

ZERO_RATE: Final = 20.0
"""deg/s by which a chip may be off at rest."""

GRAVITY_ERROR: Final = 0.11
"""g by which the length of gravity may be off: 80 mg of zero and 3 % of sensitivity."""

MOVES_ACCEL: Final = 0.02
"""g of spread on one axis from which a sensor moves; noise with the widest filter is 8 mg."""

MOVES_GYRO: Final = 0.4
"""Likewise deg/s; noise 0.1. Somebody who stands still and wears it has more."""


@dataclass(frozen=True, slots=True, eq=False)
class Rest:
    """What a sensor shows that should be at rest.

    Attributes:
        mean: float64 ``[6]``, g and deg/s.
        spread: float64 ``[6]``, standard deviations.
        expected: float64 ``[6]``, what the data sheet says of the spread.
    """

    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    expected: NDArray[np.float64]

    @classmethod
    def of(cls, values: FloatArray, settings: ChipSettings) -> Rest:
        """Measure samples ``[n, 6]``, taken with these settings."""
        wide = values.astype(np.float64)
        return cls(wide.mean(axis=0), wide.std(axis=0), noise_of(settings))

    @property
    def moves(self) -> bool:
        """Whether that is more than noise: the sensor is not at rest."""
        limits = [MOVES_ACCEL] * 3 + [MOVES_GYRO] * 3
        return bool((self.spread > limits).any())

    @property
    def gravity(self) -> float:
        """Length of the mean acceleration, g."""
        return float(np.linalg.norm(self.mean[:3]))

    @property
    def noise_ratio(self) -> float:
        """The worst axis' spread over what is expected of it."""
        return float((self.spread / self.expected).max())

    def require(self) -> None:
        """Refuse a sensor that moves.

        Raises:
            SensorMoves: it does.
        """
        if self.moves:
            raise SensorMoves(
                f"the sensor moves (spread up to {1000 * self.spread[:3].max():.0f} mg and "
                f"{self.spread[3:].max():.1f} deg/s)",
                remedy="Lay it on something that stands still, leave it alone, and repeat",
            )


def noise_of(settings: ChipSettings) -> NDArray[np.float64]:
    """Give the spread at rest that the data sheet lets expect, float64 ``[6]``.

    The noise density passes a filter of one pole, whose noise bandwidth is pi / 2 times its
    bandwidth; rounding to whole steps adds its own, a step over the root of 12.
    """
    band = math.sqrt(reg.DLPF_BANDWIDTH[settings.dlpf] * math.pi / 2)
    accel_step = 1 / reg.ACCEL_LSB_PER_G[settings.accel_range]
    gyro_step = 1 / reg.GYRO_LSB_PER_DEG_S[settings.gyro_range]
    accel = math.hypot(ACCEL_DENSITY * band, accel_step / math.sqrt(12))
    gyro = math.hypot(GYRO_DENSITY * band, gyro_step / math.sqrt(12))
    return np.array([accel] * 3 + [gyro] * 3)
