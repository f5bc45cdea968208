"""What the columns of a table are, by the names that people and programs give them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from harpi.types import AXES

NUMBERED: Final = "rows"
"""Unit of a column that numbers the samples."""

_SENSORS: Final = {
    # Longest first: a name begins with one of these, the axis follows or goes before.
    "acc": (
        "totalacceleration",
        "accelerometer",
        "acceleration",
        "beschleunigung",
        "accelerazione",
        "aceleracion",
        "totalacc",
        "gforce",
        "accel",
        "accl",
        "acc",
        "gf",
        "a",
    ),
    "gyro": (
        "winkelgeschwindigkeit",
        "velocitaangolare",
        "velocidadangular",
        "vitesseangulaire",
        "angularvelocity",
        "rotationrate",
        "angularrate",
        "giroscopio",
        "gyroscope",
        "gyroskop",
        "drehrate",
        "rotation",
        "angvel",
        "omega",
        "gyro",
        "gyr",
        "rot",
        "g",
        "w",
    ),
    "linear": (
        "linearaccelerationsensor",
        "linearebeschleunigung",
        "accelerationlineaire",
        "accelerazionelineare",
        "aceleracionlineal",
        "linearaccelerometer",
        "linearacceleration",
        "useracceleration",
        "linearaccel",
        "useraccel",
        "linearacc",
        "linacc",
        "bodyacc",
    ),
}

_TIMES: Final = frozenset(
    {
        *("time", "t", "ts", "times", "timestamp", "timestamps", "timesincestart", "timesec"),
        *("elapsed", "elapsedtime", "secondselapsed", "s", "sec", "second", "seconds"),
        *("ms", "millis", "milliseconds", "us", "micros", "microseconds"),
        *("ns", "nanos", "nanoseconds", "epoc", "epoch", "epochtime"),
        *("unix", "unixtime", "unixtimestamp", "date", "datetime", "clock", "timeofday"),
        *("loggingtime", "sampletime", "systemtime", "phonetime", "sensortime", "localtime"),
        *("utc", "timestamputc", "sampletimefine"),
        *("zeit", "zeitstempel", "uhrzeit", "temps", "tiempo", "tempo"),
    }
)
_LABELS: Final = frozenset(
    {
        *("label", "labels", "activity", "activities", "activityname", "activitylabel"),
        *("activityid", "class", "classlabel", "target", "gesture", "motion", "action"),
        *("exercise", "aktivitat", "klasse", "activite", "actividad", "clase", "attivita"),
    }
)
_SUBJECTS: Final = frozenset(
    {"subject", "subjectid", "user", "userid", "person", "participant", "wearer"}
)
_NUMBERS: Final = frozenset(
    {"index", "idx", "sample", "samples", "row", "rownumber", "counter", "seq", "sequence"}
    | {"packetcounter"}
)
_UNNAMED: Final = frozenset({"", "unnamed0", "unnamed"})

_TIME_UNITS: Final = {
    "s": "s",
    "sec": "s",
    "secs": "s",
    "second": "s",
    "seconds": "s",
    "ms": "ms",
    "msec": "ms",
    "millis": "ms",
    "millisecond": "ms",
    "milliseconds": "ms",
    "us": "us",
    "µs": "us",
    "usec": "us",
    "micros": "us",
    "microsecond": "us",
    "microseconds": "us",
    "ns": "ns",
    "nsec": "ns",
    "nanos": "ns",
    "nanosecond": "ns",
    "nanoseconds": "ns",
}
_SIGNAL_UNITS: Final = {
    "g": "g",
    "gs": "g",
    "gn": "g",
    "g0": "g",
    "m/s^2": "m/s^2",
    "m/s2": "m/s^2",
    "m/s/s": "m/s^2",
    "m/s**2": "m/s^2",
    "m/sec^2": "m/s^2",
    "ms^-2": "m/s^2",
    "ms-2": "m/s^2",
    "ms2": "m/s^2",
    "mss": "m/s^2",
    "mps2": "m/s^2",
    "mg": "mg",
    "millig": "mg",
    "milli-g": "mg",
    "deg/s": "deg/s",
    "deg/sec": "deg/s",
    "degree/s": "deg/s",
    "degrees/s": "deg/s",
    "degps": "deg/s",
    "degs": "deg/s",
    "dps": "deg/s",
    "°/s": "deg/s",
    "rad/s": "rad/s",
    "rad/sec": "rad/s",
    "radian/s": "rad/s",
    "radians/s": "rad/s",
    "rads": "rad/s",
    "radps": "rad/s",
    "mdps": "mdeg/s",
    "mdeg/s": "mdeg/s",
    "lsb": "counts",
    "counts": "counts",
    "raw": "counts",
}

_BRACKETS: Final = re.compile(r"[\[({]\s*([^\])}]*?)\s*[\])}]")
_IN_UNIT: Final = re.compile(r"\s+in\s+(\w+)$")


@dataclass(frozen=True, slots=True)
class Name:
    """One name of a header, taken apart.

    Attributes:
        role: an axis of `AXES`, `linear_x` ..., `axis_x` ... for a plain x, y or z, `time`,
            `label`, `subject`, `number`, or empty where nobody knows it.
        unit: as `Raw` names it; None where the name says none.
    """

    role: str
    unit: str | None = None


@dataclass(slots=True)
class Columns:
    """Which column of a table is what, by its place.

    Attributes:
        names: the header as it stands there.
        axes: place of each axis that is there.
        times: places of the columns that may be times, in their order.
        time_units: unit of each of them, None where its name says none.
        label: place of the label, if any.
        subject: place of the wearer, if any.
        acc_unit, gyro_unit: what the header says.
        linear: places of acceleration without gravity.
        twice: a name of an axis that stands there twice; empty for none.
    """

    names: list[str]
    axes: dict[str, int] = field(default_factory=dict)
    times: list[int] = field(default_factory=list)
    time_units: dict[int, str | None] = field(default_factory=dict)
    label: int | None = None
    subject: int | None = None
    acc_unit: str | None = None
    gyro_unit: str | None = None
    linear: list[int] = field(default_factory=list)
    twice: str = ""

    @property
    def has_acc(self) -> bool:
        """Whether all three axes of an accelerometer are there."""
        return all(axis in self.axes for axis in AXES[:3])

    @property
    def has_gyro(self) -> bool:
        """Whether all three axes of a gyroscope are there."""
        return all(axis in self.axes for axis in AXES[3:])

    @property
    def missing(self) -> list[str]:
        """Axes that are not there."""
        return [axis for axis in AXES if axis not in self.axes]


def columns_of(header: Sequence[str]) -> Columns:
    """Tell what the columns of a table are."""
    found = Columns([cell.strip() for cell in header])
    names = [name_of(cell) for cell in header]
    known = {name.role for name in names}
    # Physics Toolbox and others write w for the angular rate; a g beside it is another thing.
    rate_as_w = {"wx", "wy", "wz"} <= {cell.strip().casefold() for cell in header}
    plain = not known & set(AXES[:3])
    for place, name in enumerate(names):
        role = name.role
        if rate_as_w and role in AXES[3:] and not _compact(header[place]).startswith("w"):
            continue
        if role.startswith("axis_"):
            if not plain:
                continue
            role = "a" + role[-1]
        if role in AXES:
            if role in found.axes:
                found.twice = found.twice or found.names[place]
                continue
            found.axes[role] = place
            unit = "acc_unit" if role[0] == "a" else "gyro_unit"
            if getattr(found, unit) is None:
                setattr(found, unit, name.unit)
        elif role.startswith("linear_"):
            found.linear.append(place)
        elif role in ("time", "number"):
            found.times.append(place)
            found.time_units[place] = NUMBERED if role == "number" else name.unit
        elif role in ("label", "subject") and getattr(found, role) is None:
            setattr(found, role, place)
    # Numbers of samples are times only where there are no others.
    if any(unit != NUMBERED for unit in found.time_units.values()):
        found.times = [p for p in found.times if found.time_units[p] != NUMBERED]
    return found


def name_of(cell: str) -> Name:
    """Take one name of a header apart."""
    text = unicodedata.normalize("NFKC", cell).strip().strip("\"'").strip()
    folded = text.casefold().replace("μ", "µ")
    unit = None
    if bracket := _BRACKETS.search(folded):
        unit = bracket[1].strip()
        folded = (folded[: bracket.start()] + folded[bracket.end() :]).strip()
    elif said := _IN_UNIT.search(folded):
        unit = said[1]
        folded = folded[: said.start()]
    tokens = [token for token in re.split(r"[\s_.:\-]+", folded) if token]
    if unit is None and len(tokens) > 1 and _unit(tokens[-1]):
        unit = tokens.pop()
    compact = _compact("".join(tokens))
    return _named(compact, unit)


def _named(compact: str, unit: str | None) -> Name:
    if compact in _UNNAMED or compact in _NUMBERS:
        return Name("number")
    if compact in _TIMES:
        return Name("time", _TIME_UNITS.get(unit or "") or _TIME_UNITS.get(compact))
    if compact in _LABELS:
        return Name("label")
    if compact in _SUBJECTS:
        return Name("subject")
    compact = compact.replace("axis", "")
    if compact in ("x", "y", "z"):
        said = _SIGNAL_UNITS.get(unit or "")
        turns = said is not None and said.endswith("/s")
        return Name(f"g{compact}" if turns else f"axis_{compact}", said)
    for sensor in ("linear", "acc", "gyro"):
        for prefix in _SENSORS[sensor]:
            for axis in "xyz":
                if compact in (prefix + axis, axis + prefix if len(prefix) > 1 else ""):
                    said = _SIGNAL_UNITS.get(unit or "")
                    if prefix in ("gf", "gforce") and said is None:
                        said = "g"
                    if sensor == "linear":
                        return Name(f"linear_{axis}", said)
                    return Name(sensor[0] + axis, said)
    return Name("")


def _unit(token: str) -> bool:
    return token in _SIGNAL_UNITS or token in _TIME_UNITS


def _compact(text: str) -> str:
    plain = unicodedata.normalize("NFD", text.casefold())  # an accent is a sign of its own
    return re.sub(r"[^a-z0-9µ]", "", plain)
