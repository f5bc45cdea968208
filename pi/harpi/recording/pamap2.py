"""PAMAP2 (UCI): 54 columns without a header, 100 Hz, three sensors worn at once.

Time in seconds, activity, heart rate, then 17 columns each for hand, chest and ankle:
temperature, acceleration at +-16 g in m/s^2, at +-6 g, angular rate in rad/s, magnetic field,
orientation. What the radio lost is NaN. (Reiss and Stricker 2012, doi 10.1109/ISWC.2012.13)
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import numpy as np

from harpi.recording.head import Head
from harpi.recording.numbers import read_numbers
from harpi.recording.raw import Hints, Raw, refuse

NAME: Final = "PAMAP2"

POSITIONS: Final = ("hand", "chest", "ankle")
ACTIVITIES: Final = {
    1: "lying",
    2: "sitting",
    3: "standing",
    4: "walking",
    5: "running",
    6: "cycling",
    7: "nordic_walking",
    9: "watching_tv",
    10: "computer_work",
    11: "car_driving",
    12: "stairs_up",
    13: "stairs_down",
    16: "vacuum_cleaning",
    17: "ironing",
    18: "folding_laundry",
    19: "house_cleaning",
    20: "playing_soccer",
    24: "rope_jumping",
}
"""Activities by their number; 0 is between them."""

_WIDTH: Final = 54
_FIRST: Final = (3, 20, 37)
_ACC, _GYRO = 1, 7
"""Place of the first axis among the 17 columns of a sensor."""


def looks_like(head: Head) -> bool:
    """Tell whether it is a table of PAMAP2."""
    lines = head.full_lines[:5]
    return bool(lines) and all(len(line.split()) == _WIDTH for line in lines)


def read(path: Path, where: str, hints: Hints) -> Raw:
    """Read the three sensors of a wearer, one after the other.

    Raises:
        RecordingError: a line is not of 54 numbers, or all sensors were lost.
    """
    places = [0, 1]
    for first in _FIRST:
        places += [first + sensor + axis for sensor in (_ACC, _GYRO) for axis in range(3)]
    table = read_numbers(path, where, hints, _WIDTH, places)
    parts, positions, breaks, begun = [], [], [], 0
    for number in range(len(POSITIONS)):
        mine = table[:, [0, 1, *range(2 + 6 * number, 8 + 6 * number)]]
        mine = mine[np.isfinite(mine).all(axis=1)]
        parts.append(mine)
        positions.append(np.full(len(mine), number, np.int16))
        begun += len(mine)
        breaks.append(begun)
    whole = np.concatenate(parts)
    if not len(whole):
        raise refuse("no sample of it is whole", where, "Copy the file again")
    numbers, label = np.unique(whole[:, 1].astype(np.int64), return_inverse=True)
    wearer = re.search(r"subject(\d+)", path.name)
    return Raw(
        format=NAME,
        acc=whole[:, 2:5].astype(np.float32),
        gyro=whole[:, 5:8].astype(np.float32),
        times=whole[:, 0],
        time_unit="s",
        acc_unit="m/s^2",
        gyro_unit="rad/s",
        labels=["" if n == 0 else ACTIVITIES.get(n, str(n)) for n in numbers.tolist()],
        label=label.astype(np.int16),
        breaks=breaks[:-1],
        subjects=(wearer[1],) if wearer else (),
        subject=np.zeros(len(whole), np.int16) if wearer else None,
        positions=POSITIONS,
        position=np.concatenate(positions),
        columns={"time": "1", "label": "2", "ax": "5, 22, 39", "gx": "11, 28, 45"},
        ignored=("heart rate", "temperature", "acceleration at 6 g", "magnetic field"),
        notes=[f"lost by the radio: {3 * len(table) - len(whole)} samples"]
        if len(whole) < 3 * len(table)
        else [],
    )
