"""What a reader hands on: the columns of a file as they stand there, and what the file says.

A reader knows the layout of one format and nothing else. Units, time, labels and faults are
understood in one place for all formats, `harpi.recording.understanding`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harpi.errors import RecordingError
from harpi.types import FloatArray

Progress = Callable[[float], None]
"""Told the share that is done, from 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What a person says about a file.

    Attributes:
        rate: samples per second of a file without times.
        vouched: the file is from an export of harpi.
        on_progress: told how far a long file is read.
    """

    rate: float | None = None
    vouched: bool = False
    on_progress: Progress = lambda share: None


@dataclass(slots=True, eq=False, kw_only=True)
class Raw:
    """One file, n samples, in its own units and order.

    Attributes:
        format: what people call the format.
        acc: float32 ``[n, 3]``.
        gyro: float32 ``[n, 3]``; None where the file has none.
        times: float64 ``[n]`` in `time_unit`; None where samples are even at `rate`.
        other_times: what `times` would be if their fractions lacked leading zeros.
        time_unit: `s`, `ms`, `us`, `ns` or `rows`; None where the file does not say.
        clock: `times` are seconds of the day, or since 1970 where `time_unit` is `s`.
        start: UTC time of the first sample, where the file says it.
        rate: samples per second, where the file says it.
        acc_unit: `g`, `m/s^2`, `mg` or `counts`; None where the file does not say.
        gyro_unit: `deg/s`, `rad/s`, `mdeg/s` or `counts`; None where it does not say.
        labels: names of the activities as they stand there.
        label: ``[n]``, index into `labels` or -1.
        breaks: samples with which another recording begins.
        subjects, subject: wearers, in the same way as `labels`.
        positions, position: places on the body, in the same way.
        lines: ``[n]``, line of the file that each sample is in; None where it has no lines.
        columns: name in the file of each axis and of what else was used.
        ignored: names of the columns that were not used.
        notes: what the reader did that a person should know.
        unnamed: columns are told by their order alone; gravity must show that it is right.
        vouched: harpi wrote it; what is odd is told and not refused.
        meta: whatever else the file says of itself.
    """

    format: str
    acc: FloatArray
    gyro: FloatArray | None = None
    times: NDArray[np.float64] | None = None
    other_times: NDArray[np.float64] | None = None
    time_unit: str | None = None
    clock: bool = False
    start: datetime | None = None
    rate: float | None = None
    acc_unit: str | None = None
    gyro_unit: str | None = None
    labels: Sequence[str] = ()
    label: NDArray[np.int16] | None = None
    breaks: Sequence[int] = ()
    subjects: tuple[str, ...] = ()
    subject: NDArray[np.int16] | None = None
    positions: tuple[str, ...] = ()
    position: NDArray[np.int16] | None = None
    lines: NDArray[np.int32] | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    ignored: Sequence[str] = ()
    notes: Sequence[str] = ()
    unnamed: bool = False
    vouched: bool = False
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.acc)

    def stamps(self, where: str) -> NDArray[np.float64]:
        """Return the times.

        Raises:
            RecordingError: the file has none.
        """
        if self.times is None:
            raise refuse("it has no column of times", where, "Export the recording again")
        return self.times

    def place(self, sample: int) -> str:
        """Say where a sample is: its line in the file, or its number."""
        return f"sample {sample}" if self.lines is None else f"line {self.lines[sample]}"


def refuse(problem: str, where: str, remedy: str) -> RecordingError:
    """Make the error of a recording that cannot be used."""
    return RecordingError(problem, where=where, remedy=remedy)
