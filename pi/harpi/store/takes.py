"""A take: one labelled stretch of signal, in chunks of about a second, cut at gaps only.

The chip's own 16-bit counts are kept where the values are such counts, as those of an
MPU-6050 are at any range: 12 bytes a sample, nothing lost, 2.2 MB for an hour at 50 Hz.
Values that are on no such grid (imported from another sensor) are kept as float32.

The chip takes its samples evenly by its own clock, so the times of the first and the last
sample of a chunk say all; a chunk never spans a gap.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, datetime
from itertools import pairwise
from typing import Final, Literal, get_args

import numpy as np

from harpi.errors import UsageError
from harpi.types import AXES, FloatArray, Samples, TimeArray

Split = Literal["train", "test"]
"""What a take is for. It is chosen when the take begins and never changes."""

State = Literal["recording", "importing", "kept"]
"""`recording` and `importing` takes are still being written; all others are `kept`."""

Flag = Literal["too_short", "inconsistent", "interrupted", "implausible", "saturated"]
"""What is doubtful about a take.

`too_short`: too few windows to learn from. `inconsistent`: its motion does not agree with
itself, half sitting and half walking. `interrupted`: harpi ended while it was recorded; what
had reached the disk by then is whole. `implausible`: the sensor showed what cannot be true, or
another program changed its registers; it is not learnt. `saturated`: motion went beyond the
range of the sensor.
"""

SPLITS: Final[tuple[Split, ...]] = get_args(Split)

FLAGS: Final[tuple[Flag, ...]] = get_args(Flag)

LONGEST_NAME: Final = 48
"""Characters of the longest label or position."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """What is known of a take besides its samples.

    The first group is given by whoever records it, the second by the store.

    Attributes:
        label: the activity, 1 to 48 printable characters.
        session: number of the mounting of the strap that it belongs to.
        split: `train` or `test`.
        position: where on the body the sensor was, e.g. `right_arm`.
        start: UTC time of the first sample.
        rate: nominal samples per second of the chip.
        device: name of the device that recorded it.
        flags: what is doubtful about it.
        note: anything a person wants to remember.
        id: number in the store; never used again, even after a purge. 0 before it is stored.
        state: whether it is still being written.
        count: recorded samples.
        seconds: from the first sample to the end of the last one, gaps included.
        gaps: how often samples are missing within it.
        keep_from: signal before this second is not used.
        keep_to: signal from this second on is not used; None keeps it to the end.
        digest: SHA-256 of its samples, float32 ``[count, 6]`` little-endian; empty while it
            is being written.
        deleted: UTC time at which it was deleted, None if it was not.

    Raises:
        UsageError: a value that cannot be, said in words.
    """

    label: str
    session: int
    split: Split = "train"
    position: str = "unspecified"
    start: datetime
    rate: float
    device: str = ""
    flags: tuple[Flag, ...] = ()
    note: str = ""

    id: int = 0
    state: State = "recording"
    count: int = 0
    seconds: float = 0.0
    gaps: int = 0
    keep_from: float = 0.0
    keep_to: float | None = None
    digest: str = ""
    deleted: datetime | None = None

    def __post_init__(self) -> None:
        for name, text in (("label", self.label), ("position", self.position)):
            if not 1 <= len(text) <= LONGEST_NAME or not text.isprintable():
                raise UsageError(
                    f"a {name} has 1 to {LONGEST_NAME} printable characters, got {text!r}"
                )
        if not (self.device + self.note).isprintable():
            raise UsageError(
                f"a device and a note are printable text, got {self.device!r}, {self.note!r}"
            )
        if self.split not in SPLITS:
            raise UsageError(f"a split is one of {', '.join(SPLITS)}, got {self.split!r}")
        if self.start.tzinfo is None:
            raise UsageError("the start of a take carries its time zone")
        if not MINYEAR < self.start.year < MAXYEAR:  # so that it has a time in UTC
            raise UsageError(f"a take does not start in the year {self.start.year}")
        if not 0 < self.rate < math.inf:
            raise UsageError(f"the rate of a take is above 0 Hz, got {self.rate:g}")
        if unknown := set(self.flags) - set(FLAGS):
            raise UsageError(f"a flag is one of {', '.join(FLAGS)}, got {sorted(unknown)}")
        if not 0 <= self.keep_from < (math.inf if self.keep_to is None else self.keep_to):
            raise UsageError(
                f"the used part of a take ends after its start, got {self.keep_from:g} s to "
                f"{self.keep_to} s"
            )

    @property
    def believable(self) -> bool:
        """Whether the sensor can be believed; else nothing is learnt of it."""
        return "implausible" not in self.flags

    @property
    def trimmed(self) -> bool:
        """Whether only a part of it is used."""
        return self.keep_from > 0 or self.keep_to is not None

    @property
    def used_seconds(self) -> float:
        """Length of the part that is used, in seconds."""
        end = self.seconds if self.keep_to is None else min(self.keep_to, self.seconds)
        return max(0.0, end - self.keep_from)


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
