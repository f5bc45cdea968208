"""Zero and scale errors of this chip, taken out of the signal, and what a sensor at rest shows.

It is kept in a file and taken out by the driver, not by the chip's offset registers: these
know no scale and no misalignment, hold the factory's own trims that a mistake would destroy,
are elsewhere in every family, and forget what is written to them at each reset. A file is the
same for a clone, and one can look at it.

A calibration belongs to one chip. An MPU-6050 has no serial number, but its factory trims and
self-test codes differ from chip to chip; see `harpi.imu.mpu6050.Mpu6050.fingerprint`.

Limits from PS-MPU-6000A r3.4, 6.1 and 6.2: noise density 400 µg and 0.005 deg/s per root Hz,
zero-g within 50 mg (z 80 mg), sensitivity within 3 %, zero-rate within 20 deg/s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from harpi.errors import SensorMoves
from harpi.files import read_document
from harpi.imu import registers as reg
from harpi.imu.chip import ChipSettings
from harpi.types import FloatArray

FILE_NAME: Final = "calibration.json"
"""Name of the file within the folder `paths.state`."""

FORMAT: Final = 1

LARGEST_OFFSET: Final = 0.5
"""g; a file that says more was not made by a measurement (the data sheet allows 0.08)."""

LARGEST_BIAS: Final = 50.0
"""deg/s; likewise (the data sheet allows 20)."""

LARGEST_SCALE_ERROR: Final = 0.2
"""Likewise (the data sheet allows 0.03, and 0.02 from axis to axis)."""

Triple = tuple[float, float, float]

Moment = Annotated[datetime, Meta(tz=True)]


class _Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    made: Moment
    """When, UTC."""
    temperature: float
    """Of the chip, °C."""


class GyroCalibration(_Part, frozen=True):
    """Zero of the gyroscope."""

    bias: Triple
    """deg/s that it shows at rest."""


class AccelCalibration(_Part, frozen=True):
    """Zero and scale of the accelerometer: true = matrix (shown - offset)."""

    offset: Triple
    """g."""
    matrix: tuple[Triple, Triple, Triple]
    """Row by row; symmetric."""
    residual: float
    """Standard deviation, in g, of what the fit leaves of the length of gravity."""
    positions: int
    """In how many positions it was measured."""


class Calibration(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that was measured on one chip.

    Raises:
        ValueError: numbers that no measurement gives.
    """

    format: int = FORMAT
    chip: str
    """`Mpu6050.fingerprint` of the chip that it belongs to."""
    gyro: GyroCalibration | None = None
    accel: AccelCalibration | None = None

    def __post_init__(self) -> None:
        bias = self.gyro.bias if self.gyro else (0.0, 0.0, 0.0)
        offset = self.accel.offset if self.accel else (0.0, 0.0, 0.0)
        error = np.subtract(self.accel.matrix, np.eye(3)) if self.accel else np.zeros((3, 3))
        for what, values, limit in (
            ("bias", bias, LARGEST_BIAS),
            ("offset", offset, LARGEST_OFFSET),
            ("matrix", error, LARGEST_SCALE_ERROR),
        ):
            largest = float(np.abs(values).max())
            if not math.isfinite(largest) or largest > limit:
                raise ValueError(f"{what} is off by {largest:g}, more than any chip can be")

    @property
    def terms(self) -> tuple[FloatArray, FloatArray]:
        """Matrix ``[6, 6]`` and shift ``[6]``, float32: true = shown @ matrix + shift."""
        matrix, shift = np.eye(6), np.zeros(6)
        if self.accel is not None:
            matrix[:3, :3] = np.transpose(self.accel.matrix)
            shift[:3] = -np.array(self.accel.offset) @ matrix[:3, :3]
        if self.gyro is not None:
            shift[3:] = np.negative(self.gyro.bias)
        return matrix.astype(np.float32), shift.astype(np.float32)


def read_calibration(path: Path) -> Calibration | None:
    """Read the file; None where there is none.

    Raises:
        CalibrationError: it cannot be read, is damaged, or of another version.
    """
    again = "Calibrate again: `harpi calibrate gyro`, `harpi calibrate accel`"
    return read_document(path, Calibration, FORMAT, again=again)


def as_triple(values: NDArray[np.float64]) -> Triple:
    """Give three numbers as a file holds them, to a millionth."""
    x, y, z = (round(float(value), 6) for value in values)
    return x, y, z


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
