"""What the numbers of a file are in: judged by gravity, and by how it turns.

Where the sensor is slow, the accelerometer reads 1 g. When it is turned slowly, gravity moves
in its axes as the gyroscope says: ``du/dt = u x w``, with `u` the direction that is up and `w`
the angular rate in rad/s. Both together give the units of either sensor, whatever the file
says. What is certain is converted; what is not is refused with the factor.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise, permutations, product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harpi.types import FloatArray

STANDARD_GRAVITY: Final = 9.80665
"""m/s^2 in 1 g (CODATA, exact)."""

ACC_UNITS: Final = {"g": 1.0, "m/s^2": STANDARD_GRAVITY, "mg": 1000.0}
"""What 1 g is in each unit."""

ACC_COUNTS: Final = (16384.0, 8192.0, 4096.0, 2048.0)
"""Counts per g of an MPU-6050 at +-2, 4, 8 and 16 g (register map 4.2, section 4.17)."""

GYRO_UNITS: Final = {"deg/s": 1.0, "rad/s": math.pi / 180.0, "mdeg/s": 1000.0}
"""What 1 deg/s is in each unit."""

GYRO_COUNTS: Final = (131.0, 65.5, 32.8, 16.4)
"""Counts per deg/s of an MPU-6050 at +-250 to 2000 deg/s (section 4.19)."""

NEAR_G: Final = 0.12
"""Share by which a sensor that nobody calibrated may miss 1 g."""

_DOUBTED: Final = (0.7, 1.4)
"""g at rest beyond which a file is refused: a wrong full scale is a factor of two away."""

_PIECE: Final = 300_000
"""Samples that are looked at at most, from all over the file."""
_SLOW: Final = 0.06
"""Deviation from gravity, as a share of it, below which the sensor is slow."""
_TURNING: Final = 0.3
"""rad/s from which gravity turns clearly."""
_AGREES: Final = 0.85
"""Correlation of turning gravity and gyroscope from which the scale is certain. Eight public
sets of eighty wearers have 0.85 to 0.99 where their axes agree."""
_DISAGREES, _OTHER_AXES = 0.7, 0.93
"""Correlation below which the axes may be others, and that other axes must then have."""
_SCALES: Final = (0.62, 2.0)
"""Turning of gravity over that of the gyroscope, that real sensors stay within: slow turns
are not free of other acceleration, and the same sets give 0.8 to 1.8."""

_LOOSELY_TURNING: Final = 0.1
"""rad/s from which any motion turns what is taken for gravity."""
_LOOSELY: Final = {"deg/s": (0.1, 6.0), "rad/s": (13.0, 400.0), "mdeg/s": (1e-4, 6e-3)}
"""The same ratio for any motion, with the angular rate taken for deg/s: 2134 stretches of the
public sets, one for each wearer, place and activity, lie between 0.16 and 12.6, all but 1 %
below 6.6. In rad/s they would be 57 times as large."""

_Vectors = NDArray[np.float64]
_DOUBTED_GRAVITY: Final = 0.2
"""g at rest below which gravity may have been taken out."""


@dataclass(frozen=True, slots=True)
class Turning:
    """How well the gyroscope explains how gravity turns.

    Attributes:
        scale: rad/s of turning gravity for one unit of the gyroscope.
        correlation: of the two, 1 where they agree.
        seconds: of slow turning that this is known from.
        loosely: the same as `scale`, of all motion that is not slow as well; None where there
            is little. It tells rad/s from deg/s, and nothing finer.
        axes: the gyroscope's axes that would agree, e.g. `-y, x, z`; empty where its own do,
            or none.
    """

    scale: float
    correlation: float
    seconds: float
    loosely: float | None = None
    axes: str = ""

    @property
    def certain(self) -> bool:
        """Whether the scale can be told."""
        return self.correlation >= _AGREES and self.seconds >= 1.5


@dataclass(frozen=True, slots=True)
class Scale:
    """What a file's numbers were found to be in.

    Attributes:
        acc_per_g: what stands in the file for 1 g.
        gyro_per_deg_s: what stands there for 1 deg/s.
        acc_unit: the unit in words.
        gyro_unit: the unit in words.
        at_rest: median length of the acceleration where the sensor is slow, in g; None where
            it never is.
        checked: the gyroscope's scale was confirmed by turning gravity.
        notes: what was converted.
        doubt: what is strange, but not wrong enough to tell; empty for nothing.
        problem: why it cannot be right; empty where nothing speaks against it.
        remedy: what to do about that.
    """

    acc_per_g: float = 1.0
    gyro_per_deg_s: float = 1.0
    acc_unit: str = "g"
    gyro_unit: str = "deg/s"
    at_rest: float | None = None
    checked: bool = False
    notes: tuple[str, ...] = ()
    doubt: str = ""
    problem: str = ""
    remedy: str = ""


def scale_of(
    acc: FloatArray,
    gyro: FloatArray | None,
    rate: float,
    segment: NDArray[np.int32],
    acc_unit: str | None = None,
    gyro_unit: str | None = None,
) -> Scale:
    """Judge the units of a file.

    Args:
        acc: ``[n, 3]``, evenly sampled, in the file's unit.
        gyro: ``[n, 3]``; None where there is no gyroscope, or it is dead.
        rate: samples per second.
        segment: ``[n]``, number of the contiguous run.
        acc_unit: what the file says, a key of `ACC_UNITS` or `counts`.
        gyro_unit: what the file says, a key of `GYRO_UNITS` or `counts`.
    """
    pieces = [piece for piece in _pieces(segment, rate) if _changes(acc[piece])]
    gravity = _gravity(acc, pieces, rate)
    scale = _accelerometer(acc, gyro, pieces, rate, gravity, acc_unit)
    if scale.problem or gyro is None:
        return scale
    in_g = acc / np.float32(scale.acc_per_g * (scale.at_rest or 1.0))
    turning = turning_of(in_g, gyro, pieces, rate)
    return _gyroscope(scale, gyro, turning, in_g, gyro_unit)


# --- the accelerometer ----------------------------------------------------------------------


def _accelerometer(
    acc: FloatArray,
    gyro: FloatArray | None,
    pieces: list[slice],
    rate: float,
    gravity: float | None,
    unit: str | None,
) -> Scale:
    stated = ACC_UNITS.get(unit or "")
    if gravity is None:
        return _without_rest(acc, gyro, pieces, rate, unit)
    likely = _likely_acc(gravity, acc)
    if stated is not None:
        at_rest = gravity / stated
        if not _DOUBTED[0] < at_rest < _DOUBTED[1]:
            return _not_gravity(at_rest, gravity, likely, f"in {unit}, as the file says, ")
        return Scale(
            stated,
            acc_unit=unit or "g",
            at_rest=at_rest,
            notes=_converted(unit),
            doubt=_doubt(at_rest),
        )
    if likely is None and _DOUBTED[0] < gravity < _DOUBTED[1]:
        return Scale(at_rest=gravity, doubt=_doubt(gravity))
    if likely is None:
        if swapped := _swapped(acc, gyro, pieces, rate):
            return swapped
        return _not_gravity(gravity, gravity, None, "")
    name, per_g = likely
    return Scale(per_g, acc_unit=name, at_rest=gravity / per_g, notes=_converted(name, gravity))


def _doubt(at_rest: float) -> str:
    if abs(at_rest - 1.0) <= NEAR_G:
        return ""
    return f"it reads {at_rest:.2f} g and not 1 g where it is slow: it may need calibration"


def _converted(unit: str | None, gravity: float | None = None) -> tuple[str, ...]:
    if unit in (None, "g"):
        return ()
    told = "" if gravity is None else f": it reads {gravity:.4g} where the sensor is slow"
    return (f"acceleration converted from {unit} to g{told}",)


def _likely_acc(gravity: float, acc: FloatArray) -> tuple[str, float] | None:
    """Find the unit in which gravity is what stands in the file."""
    for name, per_g in ACC_UNITS.items():
        if abs(gravity / per_g - 1.0) <= NEAR_G:
            return name, per_g
    for per_g in ACC_COUNTS:
        if abs(gravity / per_g - 1.0) <= NEAR_G and bool((acc == np.rint(acc)).all()):
            return f"counts of {per_g:g} per g", per_g
    return None


def _not_gravity(
    at_rest: float, gravity: float, likely: tuple[str, float] | None, stated: str
) -> Scale:
    if likely is not None and likely[1] != gravity / at_rest:
        hint = f"it looks like {likely[0]}: correct the unit in the header"
    else:
        # Eight times too small is the widest range read as the narrowest; as little is left
        # where a program takes gravity out.
        removed = "record it with gravity if the program takes it out; else "
        hint = (
            f"{removed if at_rest < _DOUBTED_GRAVITY else ''}"
            f"multiply the acceleration by {1 / at_rest:.4g}, or set the full scale that "
            "the program converts by to the one of the chip"
        )
    return Scale(
        at_rest=at_rest,
        problem=f"where the sensor is slow, its acceleration {stated}is {at_rest:.4g} "
        f"and not 1 g",
        remedy=hint[0].upper() + hint[1:],
    )


def _without_rest(
    acc: FloatArray,
    gyro: FloatArray | None,
    pieces: list[slice],
    rate: float,
    unit: str | None,
) -> Scale:
    """Judge a file in which the sensor is never slow."""
    per_g = ACC_UNITS.get(unit or "", 1.0)
    name = unit if unit in ACC_UNITS else "g"
    looked = np.concatenate([acc[piece] for piece in pieces]) if pieces else acc
    if not _smooth(looked):
        return Scale(per_g, acc_unit=name, notes=_converted(name))
    if swapped := _swapped(acc, gyro, pieces, rate):
        return swapped
    lasting = _means(acc, pieces, max(2, round(5.0 * rate)))
    moving = float(np.sqrt(np.square(looked - looked.mean(axis=0)).sum(axis=1).mean()))
    steady = float(np.median(np.linalg.norm(lasting, axis=1))) if len(lasting) else math.nan
    if steady < 0.3 * moving and moving > 0.0:
        return Scale(
            problem="gravity is missing from its acceleration",
            remedy="Record the acceleration with gravity (TotalAcceleration, "
            "accelerationIncludingGravity, not linear or user acceleration)",
        )
    if unit is None and math.isfinite(steady) and not 0.4 < steady < 2.5:
        likely = next((n for n, one in ACC_UNITS.items() if 0.6 < steady / one < 1.6), None)
        return Scale(
            at_rest=steady,
            problem=f"its mean acceleration is {steady:.3g} and not about 1 g"
            + (f"; it looks like {likely}" if likely else ""),
            remedy="Write the unit in the header, e.g. ax (m/s^2), or convert it to g",
        )
    return Scale(per_g, acc_unit=name, notes=_converted(name))


def _swapped(
    acc: FloatArray, gyro: FloatArray | None, pieces: list[slice], rate: float
) -> Scale | None:
    """Tell whether it is the gyroscope that reads gravity."""
    if gyro is None:
        return None
    gravity = _gravity(gyro, pieces, rate)
    if gravity is None or (likely := _likely_acc(gravity, gyro)) is None:
        return None
    return Scale(
        problem=f"the columns of its gyroscope read gravity ({gravity:.4g}, {likely[0]}), "
        "those of its accelerometer do not",
        remedy="Swap their names in the header",
    )


def _changes(values: FloatArray) -> bool:
    """Tell whether a stretch says anything: a sensor that is dead in it does not."""
    return bool((values != values[:1]).any())


def _smooth(values: FloatArray) -> bool:
    """Tell motion of a body, which changes slowly, from noise."""
    centred = values.astype(np.float64) - values.mean(axis=0, dtype=np.float64)
    power = float(np.square(centred).sum())
    return power > 0.0 and float((centred[1:] * centred[:-1]).sum()) > 0.4 * power


def _gravity(acc: FloatArray, pieces: list[slice], rate: float) -> float | None:
    """Return the median length of the acceleration where the sensor is slow."""
    width = max(2, round(0.5 * rate))
    lengths = []
    for piece in pieces:
        values = acc[piece].astype(np.float64)
        if len(values) < width:
            continue
        mean = _smoothed(values, width)
        square = _smoothed(np.square(values), width).sum(axis=1)
        length = np.linalg.norm(mean, axis=1)
        spread = np.sqrt(np.maximum(0.0, square - np.square(length)))
        lengths.append(length[(spread < _SLOW * length) & (length > 0.0)])
    slow = np.concatenate(lengths) if lengths else np.empty(0)
    return float(np.median(slow)) if len(slow) >= rate else None


# --- the gyroscope --------------------------------------------------------------------------


def _gyroscope(
    scale: Scale, gyro: FloatArray, turning: Turning | None, acc: FloatArray, unit: str | None
) -> Scale:
    stated = GYRO_UNITS.get(unit or "")
    if turning is None or not turning.certain:
        return _unconfirmed(scale, gyro, turning, acc, unit)
    # What stands in the file for 1 deg/s, as gravity's turning tells it.
    found = math.pi / 180.0 / turning.scale
    if stated is not None:
        wrong = stated / found
        if _SCALES[0] < wrong < _SCALES[1]:
            return _with_gyro(scale, stated, unit or "deg/s", checked=True)
        return _wrong_gyro(scale, wrong, _likely_gyro(found, gyro), f"in {unit} ")
    likely = _likely_gyro(found, gyro)
    if likely is None:
        return _wrong_gyro(scale, 1.0 / found, None, "")
    return _with_gyro(scale, likely[1], likely[0], checked=True)


def _likely_gyro(found: float, gyro: FloatArray) -> tuple[str, float] | None:
    for name, per_deg_s in GYRO_UNITS.items():
        if _SCALES[0] < per_deg_s / found < _SCALES[1]:
            return name, per_deg_s
    if not bool((gyro == np.rint(gyro)).all()):
        return None
    # Slow turns read a little high; the next full scale is a factor of two away.
    nearest = min(GYRO_COUNTS, key=lambda lsb: abs(math.log(lsb / found / 1.1)))
    if 0.75 < nearest / found < 1.6:
        return f"counts of {nearest:g} per deg/s", nearest
    return None


def _unconfirmed(
    scale: Scale, gyro: FloatArray, turning: Turning | None, acc: FloatArray, unit: str | None
) -> Scale:
    """Judge a gyroscope that gravity does not confirm: too little turning, or other axes."""
    if turning is not None and turning.axes:
        return replace(
            scale,
            problem=f"its gyroscope turns other than gravity does: it fits as {turning.axes} "
            "of its own axes",
            remedy="Bring the axes of both sensors into the same order and sign",
        )
    if unit in GYRO_UNITS:
        return _with_gyro(scale, GYRO_UNITS[unit], unit)
    if scale.acc_unit.startswith("counts"):
        return replace(
            scale,
            problem="its gyroscope is in counts, and nothing in the file tells their scale",
            remedy="Divide by 131 (MPU-6050 at 250 deg/s), 65.5, 32.8 or 16.4 (at 2000 deg/s) "
            "and name the column gx (deg/s)",
        )
    if turning is not None and turning.loosely is not None and _smooth(acc):
        ratio = turning.loosely * 180.0 / math.pi
        for name, (least, most) in _LOOSELY.items():
            if least <= ratio <= most:
                return _with_gyro(scale, GYRO_UNITS[name], name, by="the motion")
    moves = float(np.std(acc, axis=0).max()) if len(acc) else 0.0
    largest = float(np.abs(gyro).max()) if len(gyro) else 0.0
    if moves > 0.1 and 0.0 < largest < 12.0:
        return replace(
            scale,
            problem=f"its gyroscope reads {largest:.3g} at most while it moves: that is rad/s, "
            "or a wrong scale",
            remedy="Name the columns gx (rad/s), or multiply them by 57.3",
        )
    return _with_gyro(scale, 1.0, "deg/s")


def _with_gyro(
    scale: Scale, per_deg_s: float, unit: str, *, checked: bool = False, by: str = ""
) -> Scale:
    notes = scale.notes
    if unit != "deg/s":
        by = "turning gravity" if checked else by
        told = f", as {by} shows" if by else ""
        notes = (*notes, f"angular rate converted from {unit} to deg/s{told}")
    return replace(
        scale, gyro_per_deg_s=per_deg_s, gyro_unit=unit, checked=checked, notes=notes
    )


def _wrong_gyro(
    scale: Scale, wrong: float, likely: tuple[str, float] | None, stated: str
) -> Scale:
    hint = f"; it looks like {likely[0]}" if likely else ""
    return replace(
        scale,
        problem=f"its angular rate {stated}is about {1 / wrong:.3g} times what gravity "
        f"turns by{hint}",
        remedy=f"Multiply it by {wrong:.3g}, or set the full scale that the program converts "
        "by to the one of the chip",
    )


def turning_of(
    acc: FloatArray, gyro: FloatArray, pieces: list[slice], rate: float
) -> Turning | None:
    """Compare the gyroscope with how gravity turns where the sensor is slow.

    Args:
        acc: ``[n, 3]`` in g.
        gyro: ``[n, 3]`` in any unit.
        pieces: contiguous stretches.
        rate: samples per second.

    Returns:
        None where the sensor is never turned slowly.
    """
    width, step = max(2, round(0.5 * rate)), max(1, round(0.3 * rate))
    parts = [
        found
        for piece in pieces
        if (found := _turns(acc[piece], gyro[piece], width, step, rate)) is not None
    ]
    if not parts:
        return None
    turn, up, angular, slow = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    speed = np.linalg.norm(turn, axis=1)
    expected = np.cross(up, angular)
    slow &= speed > _TURNING
    loose = speed > _LOOSELY_TURNING
    loosely = None
    if np.count_nonzero(loose) >= 2.0 * rate:
        loosely, _ = _fit(turn[loose], expected[loose])
    scale, correlation = _fit(turn[slow], expected[slow])
    seconds = np.count_nonzero(slow) / rate
    axes = ""
    if correlation < _DISAGREES and seconds >= 3.0:
        axes = _other_axes(turn[slow], up[slow], angular[slow])
    return Turning(scale, correlation, seconds, loosely, axes)


def _turns(
    acc: FloatArray, gyro: FloatArray, width: int, step: int, rate: float
) -> tuple[_Vectors, _Vectors, _Vectors, NDArray[np.bool_]] | None:
    """Return how gravity turns, where it points, the gyroscope, and where it is slow."""
    vectors = acc.astype(np.float64)
    if len(vectors) < width + 2 * step + 2:
        return None
    mean = _smoothed(vectors, width)
    off = np.square(np.linalg.norm(vectors, axis=1) - 1.0)[:, None]
    deviation = np.sqrt(_smoothed(off, width)[:, 0])
    up = mean / np.maximum(np.linalg.norm(mean, axis=1), 1e-9)[:, None]
    turn = (up[step:] - up[:-step]) * (rate / step)
    angular = _smoothed(_smoothed(gyro.astype(np.float64), width), step + 1)
    slow = (deviation[:-step] < _SLOW) & (deviation[step:] < _SLOW)
    return turn, _smoothed(up, step + 1), angular, slow


def _fit(turn: _Vectors, expected: _Vectors) -> tuple[float, float]:
    power, own = float(np.square(expected).sum()), float(np.square(turn).sum())
    if power <= 0.0:
        return math.inf, 0.0
    return math.sqrt(own / power), float((turn * expected).sum()) / math.sqrt(own * power)


def _other_axes(turn: _Vectors, up: _Vectors, angular: _Vectors) -> str:
    """Find axes and signs of the gyroscope that agree with gravity, if any clearly do."""
    best, name = 0.0, ""
    for order, signs in product(permutations(range(3)), product((1.0, -1.0), repeat=3)):
        _, correlation = _fit(turn, np.cross(up, angular[:, order] * signs))
        if correlation > best:
            best = correlation
            name = ", ".join(
                ("-" if sign < 0 else "") + "xyz"[axis]
                for axis, sign in zip(order, signs, strict=True)
            )
    return name if best >= _OTHER_AXES else ""


# --- both -----------------------------------------------------------------------------------


def _pieces(segment: NDArray[np.int32], rate: float) -> list[slice]:
    """Choose contiguous stretches of a minute at most, spread over the file."""
    borders = [0, *(np.flatnonzero(np.diff(segment)) + 1).tolist(), len(segment)]
    longest = max(16, round(60.0 * rate))
    pieces = [
        slice(begin, min(begin + longest, last))
        for first, last in pairwise(borders)
        for begin in range(first, last, longest)
    ]
    most = max(1, _PIECE // longest)
    return pieces if len(pieces) <= most else pieces[:: -(-len(pieces) // most)]


def _smoothed(values: _Vectors, width: int) -> _Vectors:
    """Return means over `width` rows in a row: ``[n - width + 1, k]``."""
    sums = np.cumsum(np.vstack([np.zeros((1, values.shape[1])), values]), axis=0)
    means: _Vectors = (sums[width:] - sums[:-width]) / width
    return means


def _means(values: FloatArray, pieces: list[slice], width: int) -> _Vectors:
    """Return the means of consecutive stretches of `width` rows: ``[m, 3]``."""
    parts = []
    for piece in pieces:
        part = values[piece].astype(np.float64)
        whole = len(part) // width
        if whole:
            parts.append(part[: whole * width].reshape(whole, width, -1).mean(axis=1))
    return np.concatenate(parts) if parts else np.empty((0, values.shape[1]))
