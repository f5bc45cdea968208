"""What an Arduino prints, as people copy it from the serial monitor or log it.

Lines may begin with the monitor's time of day (`12:00:00.020 -> `). Values stand after their
names (`ax:0.01 ay:-0.02`, `Acceleration X: 0.1, Y: 9.8, Z: 0.3 m/s^2` of Adafruit's example),
as `a/g:` and six counts (Rowberg's), or bare: time and six values, or six values. Bare values
are taken in the order acceleration, angular rate, and only where gravity shows that they are.
"""

from __future__ import annotations

import re
from array import array
from pathlib import Path
from typing import Final

import numpy as np

from harpi.recording.delimited import opened_text
from harpi.recording.head import Head
from harpi.recording.raw import Hints, Raw, refuse
from harpi.types import AXES

NAME: Final = "Arduino serial log"

_STAMP: Final = re.compile(r"\s*(\d\d):(\d\d):(\d\d)[.,](\d{1,6})\s*->\s?(.*)")
_NUMBER: Final = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?"
_NAMED: Final = re.compile(rf"([A-Za-z][A-Za-z_ /.]*?)\s*[:=]\s*({_NUMBER})(?![\w.])")
_COUNTS: Final = re.compile(r"\s*a/g:\s*(.*)")
_BARE: Final = re.compile(rf"\s*{_NUMBER}(?:[\s,;]+{_NUMBER}){{5,6}}[\s,;]*")
_SPLIT: Final = re.compile(r"[\s,;]+")
_UNITS: Final = re.compile(r"(m/s\^?2|m/s²|rad/s|deg/s|dps|°/s)\s*$")
_TIMES: Final = {"t", "time", "ms", "millis", "timestamp"}
_SENSOR: Final = (
    ("acc", "a"),
    ("gyro", "g"),
    ("gyr", "g"),
    ("rot", "g"),
    ("ang", "g"),
    ("omega", "g"),
)


def looks_like(head: Head) -> bool:
    """Tell whether it is a log of a serial line: two of its first lines are."""
    lines = [_without_stamp(line) for line in head.full_lines]
    stamped = sum(stamp is not None for stamp, _ in lines)
    named = sum(_COUNTS.match(text) is not None or len(_pairs(text)) >= 3 for _, text in lines)
    return named >= 2 or (
        stamped >= 2 and sum(_BARE.fullmatch(text) is not None for _, text in lines) >= 2
    )


def read(path: Path, where: str, hints: Hints) -> Raw:
    """Read a log.

    Raises:
        RecordingError: a line in it breaks off, or there is no motion in it.
    """
    log = _Log(where)
    with opened_text(path, where) as (text, position):
        size = max(1, path.stat().st_size)
        for number, line in enumerate(text, start=1):
            log.add(number, line)
            if not number % 8192:
                hints.on_progress(min(1.0, position() / size))
    return log.finish()


class _Log:
    """The samples of a log, as its lines come."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._values = array("f")
        self._lines = array("i")
        self._stamps = array("d")
        self._times = array("d")
        self._pending: dict[str, float] = {}
        self._units: dict[str, str] = {}
        self._counts = False
        self._bare = False
        self._skipped = 0

    def add(self, number: int, line: str) -> None:
        """Take in a line."""
        stamp, text = _without_stamp(line.rstrip("\n"))
        if counts := _COUNTS.match(text):
            self._counts = True
            self._row(number, stamp, _SPLIT.split(counts[1].strip(" \t,;")))
        elif len(pairs := _pairs(text)) >= 3 or (pairs and self._pending):
            self._named(number, stamp, pairs, text)
        elif _BARE.fullmatch(text):
            self._bare = True
            self._row(number, stamp, _SPLIT.split(text.strip(" \t,;")))
        elif text.strip():
            if (
                self._lines
                and stamp is not None
                and _SPLIT.split(text.strip())[0][:1].isdigit()
            ):
                raise refuse(
                    f"line {number}: it says {text.strip()[:40]!r}, and no whole sample",
                    self._where,
                    "Complete or remove the line",
                )
            self._skipped += 1

    def _row(self, number: int, stamp: float | None, cells: list[str]) -> None:
        try:
            numbers = [float(cell) for cell in cells]
        except ValueError:
            numbers = []
        if len(numbers) not in (6, 7) or (self._times and len(numbers) == 6):
            raise refuse(
                f"line {number}: it has {len(cells)} values and not six, or seven with a time",
                self._where,
                "Complete or remove the line",
            )
        if len(numbers) == 7:
            self._times.append(numbers.pop(0))
        self._keep(number, stamp, numbers)

    def _named(
        self, number: int, stamp: float | None, pairs: dict[str, float], text: str
    ) -> None:
        if time := next((name for name in pairs if name in _TIMES), None):
            self._times.append(pairs[time])
        axes = {axis: value for axis, value in pairs.items() if axis in AXES}
        if unit := _UNITS.search(text):
            for axis in axes:
                self._units[axis[0]] = unit[1]
        if axes.keys() & self._pending.keys():
            self._pending.clear()  # the sample before was never whole
            self._skipped += 1
        self._pending |= axes
        if len(self._pending) == len(AXES):
            self._keep(number, stamp, [self._pending[axis] for axis in AXES])
            self._pending.clear()

    def _keep(self, number: int, stamp: float | None, numbers: list[float]) -> None:
        self._values.extend(numbers)
        self._lines.append(number)
        if stamp is not None:
            self._stamps.append(stamp)

    def finish(self) -> Raw:
        """Make columns of all samples."""
        count = len(self._lines)
        if not count:
            raise refuse("it holds no samples of six values", self._where, "Record again")
        values = np.frombuffer(self._values, np.float32).reshape(count, 6)
        raw = Raw(
            format=NAME,
            acc=values[:, :3],
            gyro=values[:, 3:],
            acc_unit=_unit(self._units.get("a")),
            gyro_unit=_unit(self._units.get("g")),
            lines=np.frombuffer(self._lines, np.int32),
            columns=dict(zip(AXES, AXES, strict=True)),
            unnamed=self._bare or self._counts,
        )
        notes = []
        if self._skipped:
            notes.append(f"left out {self._skipped} lines that hold no sample")
        if self._bare:
            notes.append("its values have no names: taken as ax ay az gx gy gz")
        raw.notes = notes
        if len(self._times) == count:
            raw.times = np.frombuffer(self._times, np.float64)
        elif len(self._stamps) == count:
            raw.times, raw.time_unit, raw.clock = (
                np.frombuffer(self._stamps, np.float64),
                "s",
                True,
            )
        return raw


def _without_stamp(line: str) -> tuple[float | None, str]:
    if stamp := _STAMP.match(line):
        hours, minutes, seconds, fraction, text = stamp.groups()
        whole = 3600 * int(hours) + 60 * int(minutes) + int(seconds)
        return whole + float(f"0.{fraction}"), text
    return None, line


def _pairs(text: str) -> dict[str, float]:
    """Give the named values of a line; a bare x, y or z is of the sensor named before."""
    pairs: dict[str, float] = {}
    sensor = ""
    for name, value in _NAMED.findall(text[:400]):
        compact = re.sub(r"[^a-z]", "", name.lower())
        if compact in _TIMES:
            pairs[compact] = float(value)
            continue
        for word, letter in _SENSOR:
            if word in compact:
                sensor = letter
        if compact[-1:] not in ("x", "y", "z"):
            continue
        short = len(compact) == 2 and compact[0] in "ag"
        letter = compact[0] if short else sensor
        if letter:
            pairs[letter + compact[-1]] = float(value)
    return pairs


def _unit(text: str | None) -> str | None:
    if text is None:
        return None
    return "m/s^2" if text.startswith("m/") else "rad/s" if text == "rad/s" else "deg/s"
