"""A chunk: about a second of consecutive samples, as the store keeps them.

The chip's own 16-bit counts are kept where the values are such counts, as those of an
MPU-6050 are at any range: 12 bytes a sample, nothing lost, 2.2 MB for an hour at 50 Hz.
Values that are on no such grid (imported from another sensor) are kept as float32.

The chip takes its samples evenly by its own clock, so the times of the first and the last
sample of a chunk say all; a chunk never spans a gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from harpi.types import AXES, FloatArray, Samples, TimeArray

ACCEL_LSB: Final = (2048.0, 4096.0, 8192.0, 16384.0)
"""Counts per g at +-16, 8, 4 and 2 g (MPU-6000/6050 register map 4.2, section 4.17)."""

GYRO_LSB: Final = (16.4, 32.8, 65.5, 131.0)
"""Counts per deg/s at +-2000, 1000, 500 and 250 deg/s (register map 4.2, section 4.19)."""

OFF_GRID: Final = 0.01
"""Counts by which a value may miss a whole one: what float32 and decimals in a file cost."""

LONGEST: Final = 8192
"""Samples in the longest chunk."""


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Consecutive, evenly spaced samples in their stored form.

    Attributes:
        count: number of samples.
        first: seconds from the start of the take to the first sample.
        last: seconds from the start of the take to the last sample.
        gap: samples are missing between the chunk before this one and this chunk.
        accel_lsb: counts per g, or None where the acceleration is kept as float32.
        gyro_lsb: counts per deg/s, None exactly where `accel_lsb` is.
        data: int16 or float32 ``[count, 6]``, little-endian, row after row.
    """

    count: int
    first: float
    last: float
    gap: bool
    accel_lsb: float | None
    gyro_lsb: float | None
    data: bytes

    @classmethod
    def encode(cls, values: FloatArray, first: float, last: float, *, gap: bool) -> Chunk:
        """Bring samples into their stored form.

        Args:
            values: float32 ``[count, 6]`` in g and deg/s, finite.
            first: seconds from the start of the take to the first sample.
            last: seconds from the start of the take to the last sample.
            gap: samples are missing before the first one.

        Raises:
            ValueError: a value is not finite.
        """
        if not np.isfinite(values).all():
            raise ValueError("samples must be finite")
        accel = _counts(values[:, :3], ACCEL_LSB)
        gyro = _counts(values[:, 3:], GYRO_LSB)
        if accel is None or gyro is None:
            data = values.astype("<f4").tobytes()
            return cls(len(values), first, last, gap, None, None, data)
        counts = np.concatenate([accel[1], gyro[1]], axis=1)
        return cls(
            len(values), first, last, gap, accel[0], gyro[0], counts.astype("<i2").tobytes()
        )

    def values(self) -> FloatArray:
        """Give the samples back, float32 ``[count, 6]`` in g and deg/s.

        Raises:
            ValueError: the data is not as long as `count` says, or a scale is none.
        """
        if self.accel_lsb is None or self.gyro_lsb is None:
            floats: FloatArray = np.frombuffer(self.data, "<f4").reshape(self.count, len(AXES))
            return floats.astype(np.float32)
        counts = np.frombuffer(self.data, "<i2").reshape(self.count, len(AXES))
        if self.accel_lsb not in ACCEL_LSB or self.gyro_lsb not in GYRO_LSB:
            raise ValueError(f"no scales of a chip: {self.accel_lsb}, {self.gyro_lsb} counts")
        lsb = np.repeat([self.accel_lsb, self.gyro_lsb], 3)
        values: TimeArray = counts / lsb
        return values.astype(np.float32)

    def samples(self) -> Samples:
        """Give the samples back with their times, in seconds from the start of the take."""
        return Samples(
            self.values(), np.linspace(self.first, self.last, self.count), gap=self.gap
        )


def chunks_of(samples: Samples, start: float) -> list[Chunk]:
    """Cut a block of samples into chunks.

    Args:
        samples: consecutive readings.
        start: time of the first sample of the take, on the clock of `samples.times`.
    """
    if not len(samples):
        return []
    pieces = range(0, len(samples), LONGEST)
    return [
        Chunk.encode(
            samples.values[a:b],
            float(samples.times[a] - start),
            float(samples.times[b - 1] - start),
            gap=samples.gap and a == 0,
        )
        for a, b in pairwise([*pieces, len(samples)])
    ]


def _counts(values: FloatArray, grids: tuple[float, ...]) -> tuple[float, TimeArray] | None:
    """Find the range at which all values are counts of the chip, and those counts."""
    best: tuple[float, TimeArray] | None = None
    least = OFF_GRID
    for lsb in grids:
        scaled = values.astype(np.float64) * lsb
        counts = np.rint(scaled)
        if counts.min() < -32768 or counts.max() > 32767:
            continue
        miss = float(np.abs(scaled - counts).max())
        if miss < least:
            best, least = (lsb, counts), miss
    return best
