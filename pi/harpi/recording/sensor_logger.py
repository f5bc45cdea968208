"""Sensor Logger (Kelvin Choi): a folder or archive with a table for each sensor.

Each has `time` (nanoseconds since 1970), `seconds_elapsed` and `z, y, x`; accelerations are in
m/s^2, angular rates in rad/s. `Accelerometer.csv` is without gravity: `TotalAcceleration.csv`
is used, or the sum with `Gravity.csv`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from harpi.recording.delimited import read_delimited
from harpi.recording.head import Head, files_of
from harpi.recording.joining import joined
from harpi.recording.raw import Hints, Raw, refuse

NAME: Final = "Sensor Logger"

_TOTAL: Final = ("totalacceleration.csv", "accelerometeruncalibrated.csv")
_LINEAR: Final = "accelerometer.csv"
_GRAVITY: Final = "gravity.csv"
_GYRO: Final = ("gyroscope.csv", "gyroscopeuncalibrated.csv")


def looks_like(head: Head) -> bool:
    """Tell whether it is an export of Sensor Logger."""
    if head.files is None:
        return False
    names = (*_TOTAL, _LINEAR, *_GYRO)
    tables = [head.files[name] for name in names if name in head.files]
    return bool(tables) and _has_its_header(tables[0])


def _has_its_header(path: Path) -> bool:
    with path.open("rb") as file:
        return b"seconds_elapsed" in file.readline(200)


def read(path: Path, where: str, hints: Hints) -> Raw:
    """Read an export of Sensor Logger.

    Raises:
        RecordingError: it is damaged, or has no acceleration with gravity.
    """
    files = files_of(path)
    total = next((files[name] for name in _TOTAL if name in files), None)
    if total is not None:
        acc = _table(total, where, hints)
    elif _LINEAR in files and _GRAVITY in files:
        linear = _table(files[_LINEAR], where, hints)
        acc = _sum(linear, _table(files[_GRAVITY], where, hints), where)
    else:
        raise refuse(
            "its acceleration is without gravity (Accelerometer.csv alone)",
            where,
            "Switch on 'Total Acceleration' or 'Gravity' in Sensor Logger as well",
        )
    used = {name for name in (*_TOTAL, *_GYRO, _LINEAR, _GRAVITY) if name in files}
    acc.format, acc.acc_unit = NAME, "m/s^2"
    acc.ignored = [file.name for name, file in files.items() if name not in used]
    turning = next((files[name] for name in _GYRO if name in files), None)
    if turning is None:
        return acc
    gyro = _table(turning, where, hints)
    gyro.acc_unit = "rad/s"
    return joined(acc, gyro, where)


def _table(path: Path, where: str, hints: Hints) -> Raw:
    raw = read_delimited(path, f"{where}/{path.name}", hints)
    raw.time_unit = "ns" if raw.times is not None and raw.times[0] > 1e15 else raw.time_unit
    return raw


def _sum(linear: Raw, gravity: Raw, where: str) -> Raw:
    """Add gravity to the acceleration without it."""
    times, there = linear.stamps(where), gravity.stamps(where)
    added = np.column_stack([np.interp(times, there, column) for column in gravity.acc.T])
    return replace(
        linear,
        acc=(linear.acc + added).astype(np.float32),
        notes=[*linear.notes, "acceleration is the sum of Accelerometer.csv and Gravity.csv"],
    )
