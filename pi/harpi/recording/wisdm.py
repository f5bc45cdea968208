"""WISDM (Fordham): `wearer,activity,timestamp,x,y,z;`, 20 Hz, m/s^2 and rad/s.

The set of 2012 has an accelerometer alone. The set of 2019 has a file for each sensor, in
folders `accel` and `gyro`, and letters for activities: the file of the other sensor is read
with it where it lies beside. (Kwapisz et al. 2011; Weiss et al. 2019)
"""

from __future__ import annotations

import re
from array import array
from pathlib import Path
from typing import Final

import numpy as np

from harpi.recording.delimited import opened_text
from harpi.recording.head import Head
from harpi.recording.joining import joined
from harpi.recording.raw import Hints, Raw, refuse

NAME: Final = "WISDM"

ACTIVITIES: Final = {
    "A": "walking",
    "B": "jogging",
    "C": "stairs",
    "D": "sitting",
    "E": "standing",
    "F": "typing",
    "G": "brushing_teeth",
    "H": "eating_soup",
    "I": "eating_chips",
    "J": "eating_pasta",
    "K": "drinking",
    "L": "eating_sandwich",
    "M": "kicking",
    "O": "catching",
    "P": "dribbling",
    "Q": "writing",
    "R": "clapping",
    "S": "folding_clothes",
}
"""Activities of the set of 2019 by their letter."""

_LINE: Final = re.compile(
    r"(\d{1,9}),([A-Za-z][A-Za-z _-]{0,40}),(\d{1,20}),"
    r"([-+.\deE]{1,30}),([-+.\deE]{1,30}),([-+.\deE]{1,30})"
)


def looks_like(head: Head) -> bool:
    """Tell whether it is a table of WISDM."""
    lines = head.full_lines[:5]
    return bool(lines) and all(_LINE.match(line.strip()) for line in lines)


def read(path: Path, where: str, hints: Hints) -> Raw:
    """Read one sensor, and the other where its file lies beside.

    Raises:
        RecordingError: a line is of another kind.
    """
    raw = _table(path, where, hints)
    name = str(path)
    gyro = Path(name.replace("accel", "gyro"))
    if "accel" in path.name and gyro.is_file():
        rates = _table(gyro, where, hints)
        rates.acc_unit = "rad/s"
        return joined(raw, rates, where)
    return raw


def _table(path: Path, where: str, hints: Hints) -> Raw:
    values, lines = array("d"), array("i")
    wearers: dict[str, int] = {}
    activities: dict[str, int] = {}
    wearer, activity = array("h"), array("h")
    size = max(1, path.stat().st_size)
    with opened_text(path, where) as (text, position):
        for number, whole in enumerate(text, start=1):
            # The set of 2012 has several samples in a line here and there, and empty ones.
            for part in whole.strip().split(";"):
                if not part.strip(" ,"):
                    continue
                found = _LINE.fullmatch(part.strip(" ,"))
                try:
                    numbers = [float(one) for one in found.groups()[2:]] if found else []
                except ValueError:
                    numbers = []
                if found is None or not numbers:
                    raise refuse(
                        f"line {number}: it says {part.strip()[:60]!r} and not "
                        "wearer,activity,timestamp,x,y,z",
                        where,
                        "Correct or remove the line",
                    )
                values.extend(numbers)
                lines.append(number)
                wearer.append(wearers.setdefault(found[1], len(wearers)))
                activity.append(activities.setdefault(found[2], len(activities)))
                if len(activities) > 1000 or len(wearers) > 10_000:
                    raise refuse("it has too many activities", where, "Split the file")
            if not number % 8192:
                hints.on_progress(min(1.0, position() / size))
    if not lines:
        raise refuse("it holds no samples", where, "Copy the file again")
    table = np.frombuffer(values, np.float64).reshape(-1, 4)
    with np.errstate(over="ignore"):
        acc = table[:, 1:].astype(np.float32)
    changes = (np.diff(np.frombuffer(wearer, np.int16)) != 0) | (np.diff(table[:, 0]) < 0)
    return Raw(
        format=NAME,
        acc=acc,
        times=table[:, 0],
        acc_unit="m/s^2",
        labels=[ACTIVITIES.get(one, one) for one in activities],
        label=np.frombuffer(activity, np.int16),
        breaks=(np.flatnonzero(changes) + 1).tolist(),
        subjects=tuple(wearers),
        subject=np.frombuffer(wearer, np.int16),
        lines=np.frombuffer(lines, np.int32),
        columns={
            "subject": "wearer",
            "label": "activity",
            "time": "timestamp",
            "ax": "x",
            "ay": "y",
            "az": "z",
        },
    )
