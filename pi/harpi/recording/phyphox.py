"""phyphox: a table with both sensors, or a folder or archive with a table for each.

Columns are `Time (s)`, `Acceleration x (m/s^2)`, `Gyroscope x (rad/s)` or plain `X (m/s^2)`;
`meta/` beside the tables tells about the phone. (phyphox.org, export as CSV)
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from harpi.recording.delimited import read_delimited, read_gyroscope
from harpi.recording.head import Head, files_of
from harpi.recording.joining import joined
from harpi.recording.raw import Hints, Raw, refuse

NAME: Final = "phyphox"

_ACC: Final = (
    "accelerometer.csv",
    "acceleration with g.csv",
    "acceleration.csv",
    "raw data.csv",
)
_GYRO: Final = ("gyroscope.csv", "rotation rate.csv")


def looks_like(head: Head) -> bool:
    """Tell whether it is an export of phyphox."""
    if head.files is not None:
        return "device.csv" in head.files or (
            any(name in head.files for name in _ACC) and _is_table(head.files)
        )
    return (
        bool(head.full_lines)
        and "time (s)" in head.full_lines[0].lower()
        and ("(m/s^2)" in head.full_lines[0].lower())
    )


def _is_table(files: dict[str, Path]) -> bool:
    name = next(name for name in _ACC if name in files)
    with files[name].open("rb") as file:
        return b"time (s)" in file.read(200).lower()


def read(path: Path, where: str, hints: Hints) -> Raw:
    """Read an export of phyphox.

    Raises:
        RecordingError: it is no such export, or has no acceleration with gravity.
    """
    if not path.is_dir():
        return _named(read_delimited(path, where, hints))
    files = files_of(path)
    found = next((files[name] for name in _ACC if name in files), None)
    if found is None:
        raise refuse(
            "it has no Accelerometer.csv (acceleration with gravity)",
            where,
            "Record 'Acceleration (with g)' with phyphox",
        )
    acc = _named(read_delimited(found, f"{where}/{found.name}", hints))
    turning = next((files[name] for name in _GYRO if name in files), None)
    if acc.gyro is not None or turning is None:
        return acc
    rates = read_gyroscope(turning, f"{where}/{turning.name}", hints)
    return joined(acc, rates, where)


def _named(raw: Raw) -> Raw:
    raw.format = NAME
    return raw
