"""AndroSensor: a table with semicolons, capitals and units in the header.

`ACCELEROMETER X (m/s²)`, `GYROSCOPE X (rad/s)`, `Time since start in ms`; the linear
accelerometer, gravity and everything else beside them is ignored.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from harpi.recording.delimited import find_sheet, read_sheet
from harpi.recording.head import Head
from harpi.recording.raw import Hints, Raw

NAME: Final = "AndroSensor"


def looks_like(head: Head) -> bool:
    """Tell whether it is a table of AndroSensor."""
    return any(
        "ACCELEROMETER X" in line and "Time since start" in line for line in head.lines[:5]
    )


def read(path: Path, where: str, hints: Hints) -> Raw:
    """Read a table of AndroSensor.

    Raises:
        RecordingError: a line is not as the header says.
    """
    sheet = find_sheet(path, where)
    columns = sheet.columns
    columns.times = [
        place
        for place, name in enumerate(columns.names)
        if name.lower().startswith("time since start")
    ]
    return read_sheet(path, sheet, where, hints, format=NAME)
