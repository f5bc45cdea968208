"""MHEALTH (UCI): 24 columns without a header, 50 Hz, sensors at chest, ankle and wrist.

Acceleration in m/s^2, angular rate in deg/s; the chest has no gyroscope. The last column is
the activity. (Banos et al. 2014, doi 10.1007/978-3-319-13105-4_14)
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import numpy as np

from harpi.recording.head import Head
from harpi.recording.numbers import read_numbers
from harpi.recording.raw import Hints, Raw

NAME: Final = "MHEALTH"

RATE: Final = 50.0
POSITIONS: Final = ("left_ankle", "right_lower_arm")
ACTIVITIES: Final = (
    "",
    "standing",
    "sitting",
    "lying",
    "walking",
    "stairs_up",
    "bending_forward",
    "raising_arms",
    "bending_knees",
    "cycling",
    "jogging",
    "running",
    "jumping",
)
"""Activities by their number; 0 is between them."""

_WIDTH: Final = 24
_FIRST: Final = (5, 14)
"""Place of the acceleration of each sensor; the angular rate follows it."""


def looks_like(head: Head) -> bool:
    """Tell whether it is a table of MHEALTH."""
    lines = head.full_lines[:5]
    return bool(lines) and all(
        len(line.split()) == _WIDTH and line.split()[-1].isdigit() for line in lines
    )


def read(path: Path, where: str, hints: Hints) -> Raw:
    """Read the two sensors of a wearer that have a gyroscope, one after the other.

    Raises:
        RecordingError: a line is not of 24 numbers.
    """
    places = [first + axis for first in _FIRST for axis in range(6)]
    table = read_numbers(path, where, hints, _WIDTH, [*places, _WIDTH - 1])
    count = len(table)
    values = np.concatenate([table[:, :6], table[:, 6:12]]).astype(np.float32)
    numbers, label = np.unique(table[:, 12], return_inverse=True)
    names = []
    for number in numbers.tolist():
        known = number in range(len(ACTIVITIES))
        names.append(ACTIVITIES[int(number)] if known else f"{number:g}")
    wearer = re.search(r"subject(\d+)", path.name)
    return Raw(
        format=NAME,
        acc=values[:, :3],
        gyro=values[:, 3:],
        rate=RATE,
        acc_unit="m/s^2",
        gyro_unit="deg/s",
        labels=names,
        label=np.tile(label.astype(np.int16), 2),
        breaks=[count],
        subjects=(wearer[1],) if wearer else (),
        subject=np.zeros(2 * count, np.int16) if wearer else None,
        positions=POSITIONS,
        position=np.repeat(np.arange(2, dtype=np.int16), count),
        columns={"ax": "6, 15", "gx": "9, 18", "label": "24"},
        ignored=("chest (no gyroscope)", "ECG", "magnetic field"),
    )
