"""The content of a recording's file, whatever its format: columns, checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from harpi.errors import RecordingError
from harpi.types import AXES, FloatArray, TimeArray

MAX_SAMPLES: Final = 20_000_000
"""Longest recording that is read: 111 hours at 50 Hz, 480 MB in memory."""

MAX_RATE: Final = 10_000.0
MAX_ACCELERATION: Final = 64.0
MAX_ANGULAR_RATE: Final = 8000.0
"""Four times what an MPU-6050 can measure; more is another unit, or garbage."""

NO_LABEL: Final = -1

FEWEST_TO_TELL: Final = 50
"""Samples from which on an axis that does not change is dead, and not merely at rest."""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Recordings of one or several sensors and wearers, end to end.

    Attributes:
        values: float32 ``[n, 6]``, columns as in `harpi.types.AXES`.
        rate: samples per second.
        label_names: names of the labels.
        label: int16 ``[n]``, index into `label_names` or -1.
        segment: int32 ``[n]``, 0, 1, 2 ... for each contiguous run of one sensor.
        subject_names: names of the wearers; empty when unknown.
        subject: int16 ``[n]``, index into `subject_names` or -1.
        position_names: where on the body; empty when unknown.
        position: int16 ``[n]``, index into `position_names` or -1.
        meta: whatever else the file says of itself.
        begins: float64, second at which each segment begins on the clock of the file; empty
            where that is not known.
        gyro: whether there is a gyroscope; without, its columns are 0.
    """

    values: FloatArray
    rate: float
    label_names: tuple[str, ...]
    label: NDArray[np.int16]
    segment: NDArray[np.int32]
    subject_names: tuple[str, ...]
    subject: NDArray[np.int16]
    position_names: tuple[str, ...]
    position: NDArray[np.int16]
    meta: Mapping[str, Any]
    begins: TimeArray = field(default_factory=lambda: np.empty(0))
    gyro: bool = True


def to_float32(values: NDArray[np.float64]) -> FloatArray:
    """Round to float32; what is too large becomes infinite, which `check_values` refuses."""
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def check_rate(rate: float, where: str) -> None:
    """Refuse a rate that no sensor has.

    Raises:
        RecordingError: it lies outside 0.1 to `MAX_RATE` Hz.
    """
    if not 0.1 <= rate <= MAX_RATE:
        raise RecordingError(
            f"its rate would be {rate:g} Hz",
            where=where,
            remedy=f"Give it in samples per second, between 0.1 and {MAX_RATE:g}",
        )


def dead_axes(values: FloatArray) -> tuple[str, ...]:
    """Return the axes that never change, of a signal that is long enough to tell.

    Args:
        values: ``[n, 3]`` or ``[n, 6]``.
    """
    if len(values) < FEWEST_TO_TELL:
        return ()
    still = (values == values[:1]).all(axis=0)
    return tuple(axis for axis, dead in zip(AXES, still, strict=False) if dead)


def check_values(
    values: FloatArray,
    where: str,
    place: Callable[[int], str] = lambda row: f"sample {row}",
) -> None:
    """Refuse what cannot be motion in g and deg/s.

    Args:
        values: float32 ``[n, 6]``.
        where: the file, for the message.
        place: says where in the file a sample is.

    Raises:
        RecordingError: a number that is not finite, or beyond what a sensor can measure.
    """
    finite = np.isfinite(values)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        raise RecordingError(
            f"{place(int(row))} has no finite {AXES[column]}",
            where=where,
            remedy="Remove or fill the samples that are not numbers",
        )
    for axes, limit, unit in (
        (slice(0, 3), MAX_ACCELERATION, "g"),
        (slice(3, 6), MAX_ANGULAR_RATE, "deg/s"),
    ):
        beyond = np.abs(values[:, axes]) > limit
        if beyond.any():
            row, column = np.argwhere(beyond)[0]
            value = values[row, axes][column]
            raise RecordingError(
                f"{place(int(row))} has {AXES[axes][column]} = {value:g} {unit}",
                where=where,
                remedy="Convert the acceleration to g and the angular rate to deg/s",
            )


def check_length(count: int, where: str) -> None:
    """Refuse a number of samples that is too small to play or too large to hold.

    Raises:
        RecordingError: fewer than two or more than `MAX_SAMPLES`.
    """
    if count < 2:
        raise RecordingError(
            f"it holds {count} samples, a recording needs two or more",
            where=where,
            remedy="Record again",
        )
    if count > MAX_SAMPLES:
        raise RecordingError(
            f"it holds {count} samples, more than the {MAX_SAMPLES} that are read",
            where=where,
            remedy="Split it into several recordings",
        )
