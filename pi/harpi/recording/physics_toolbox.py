"""Physics Toolbox Sensor Suite: `time, gFx, gFy, gFz, ax, ay, az, wx, wy, wz`.

The g-force is the acceleration with gravity, in g; `ax, ay, az` beside it are without, in
m/s^2. The angular rate is `wx, wy, wz`, in rad/s. (vieyrasoftware.net)
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from harpi.recording.columns import Columns
from harpi.recording.delimited import find_sheet, read_sheet
from harpi.recording.head import Head
from harpi.recording.raw import Hints, Raw

NAME: Final = "Physics Toolbox"


def looks_like(head: Head) -> bool:
    """Tell whether it is a table of Physics Toolbox."""
    for line in head.lines[:5]:
        names = {cell.strip(' "').lower() for cell in line.replace(";", ",").split(",")}
        if {"wx", "wy", "wz"} <= names and names & {"gfx", "ax"}:
            return True
    return False


def read(path: Path, where: str, hints: Hints) -> Raw:
    """Read a table of Physics Toolbox.

    Raises:
        RecordingError: a line is not as the header says.
    """
    sheet = find_sheet(path, where)
    columns = sheet.columns
    _use(columns, "w", "g", "gyro_unit", "rad/s")
    _use(columns, "gf", "a", "acc_unit", "g")
    columns.twice = ""
    return read_sheet(path, sheet, where, hints, format=NAME)


def _use(columns: Columns, prefix: str, sensor: str, unit_of: str, unit: str) -> None:
    """Take the axes of a sensor from the columns with a prefix, if they are there."""
    places = {name.lower(): place for place, name in enumerate(columns.names)}
    if all(prefix + axis in places for axis in "xyz"):
        for axis in "xyz":
            columns.axes[sensor + axis] = places[prefix + axis]
        setattr(columns, unit_of, unit)
