"""What a chip's zero and scale are off by, measured on this very chip, and taken out again.

It is kept in a file and taken out by the driver, not by the chip's offset registers: these
know no scale and no misalignment, hold the factory's own trims that a mistake would destroy,
are elsewhere in every family, and forget what is written to them at each reset. A file is the
same for a clone, and one can look at it.

A calibration belongs to one chip. An MPU-6050 has no serial number, but its factory trims and
self-test codes differ from chip to chip; see `harpi.imu.mpu6050.Mpu6050.fingerprint`.
"""

from __future__ import annotations

import math
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from harpi.documents import read_document
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
                raise ValueError(f"{what} is off by {largest:g}, which no chip is")

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
