"""The calibrations: gyroscope at rest, accelerometer in positions, mounting by walking."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from harpi.calibrate.guide import Guide
from harpi.calibrate.sensor import OpenedSensor
from harpi.errors import CalibrationError
from harpi.files import write_document
from harpi.imu.accel_fit import Positions, fit
from harpi.imu.calibration import (
    FILE_NAME,
    ZERO_RATE,
    AccelCalibration,
    Calibration,
    GyroCalibration,
    Rest,
    as_triple,
    read_calibration,
)
from harpi.signal.gait import Place, gait_of, is_still, is_walk, rotation_since
from harpi.types import FloatArray

PATIENCE_SECONDS: Final = 120.0
"""How long the next position is waited for."""

_WORDS: Final = {
    "x up": "its x arrow up",
    "x down": "its x arrow down",
    "y up": "its y arrow up",
    "y down": "its y arrow down",
    "z up": "its face up",
    "z down": "its face down",
    "leaning": "leaning at any slant",
}


def calibrate_accel(bench: OpenedSensor, guide: Guide, *, leaning: int = 1) -> AccelCalibration:
    """Lead through the positions, in whatever order they come, and fit them.

    Args:
        bench: the sensor, without a calibration.
        guide: leads the person.
        leaning: positions besides the six faces; from six on, the misalignment is fitted, too.

    Raises:
        CalibrationError: no position came for two minutes, or they cannot be fitted.
        SensorError: the temperature cannot be read.
    """
    positions = Positions(bench.chip.settings, leaning)
    guide.say(
        "Lay the sensor still on each of its six faces, and lean it against something "
        f"{'once' if leaning == 1 else f'{leaning} times, each time differently'}; in any "
        "order."
    )
    _wanted(guide, positions)
    while positions.missing:
        _next(bench, guide, positions)
    found = fit(positions.measured)
    rows = [as_triple(row) for row in found.matrix]
    return AccelCalibration(
        made=datetime.now(UTC),
        temperature=round(bench.chip.temperature(), 1),
        offset=as_triple(found.offset),
        matrix=(rows[0], rows[1], rows[2]),
        residual=round(found.residual, 6),
        positions=len(positions.measured),
    )


def _next(bench: OpenedSensor, guide: Guide, positions: Positions) -> None:
    """Wait for one more position.

    Raises:
        CalibrationError: none came.
    """
    guide.show("move")
    for block in bench.samples(PATIENCE_SECONDS):
        name = positions.take(block)
        if name is not None:
            guide.show("taken")
            guide.say(f"Measured: {_WORDS[name]}.")
            _wanted(guide, positions)
            return
    raise CalibrationError(
        f"no new position came for {PATIENCE_SECONDS:.0f} s",
        remedy="Start again; the calibration from before stays",
    )


def _wanted(guide: Guide, positions: Positions) -> None:
    missing = positions.missing
    if not missing:
        return
    words = [_WORDS[name] for name in dict.fromkeys(missing)]
    leaning = missing.count("leaning")
    if leaning > 1:
        words[-1] += f" ({leaning} times)"
    guide.say(f"Still to come: {', '.join(words)}.")


SECONDS: Final = 5.0

SETTLE_SECONDS: Final = 0.5


def calibrate_gyro(bench: OpenedSensor, guide: Guide) -> GyroCalibration:
    """Measure for five seconds.

    Raises:
        SensorMoves: it does not lie still.
        CalibrationError: it turns evenly, or is damaged; or the sensor fails.
        SensorError: its temperature cannot be read.
    """
    guide.say("Leave the sensor alone, on something that stands still.")
    guide.show("hold")
    for _ in bench.samples(SETTLE_SECONDS):
        pass
    values = np.concatenate([block.values for block in bench.samples(SECONDS)])
    rest = Rest.of(values, bench.chip.settings)
    rest.require()
    bias = rest.mean[3:]
    if (np.abs(bias) > ZERO_RATE).any():
        raise CalibrationError(
            f"the sensor shows {np.abs(bias).max():.1f} deg/s at rest, more than the data "
            f"sheet allows ({ZERO_RATE:.0f})",
            remedy="Make sure that it does not turn, as on a turntable; if it does not, it "
            "is damaged",
        )
    return GyroCalibration(
        made=datetime.now(UTC),
        temperature=round(bench.chip.temperature(), 1),
        bias=as_triple(bias),
    )


STILL_SECONDS: Final = 3.0

WALK_SECONDS: Final = 10.0
"""Ten steps take five to six seconds, and the first two are unlike the others."""

WALK_PATIENCE_SECONDS: Final = 60.0
"""How long standing, and walking, is waited for."""

_START_SECONDS: Final = 1.0
"""The first steps, which are not used."""


def calibrate_mounting(bench: OpenedSensor, guide: Guide, before: Place | None) -> Place:
    """Let the wearer stand and walk; compare the walk with the first one.

    Args:
        bench: the sensor, as it is worn.
        guide: leads the wearer.
        before: what is known of this place; None to begin with this walk as the first.

    Raises:
        CalibrationError: the wearer did not stand or walk, or it cannot be told how the strap
            is turned; or the sensor fails.
    """
    still, walk = _stand_and_walk(bench, guide)
    now, rate = datetime.now(UTC), bench.chip.rate
    if before is None:
        first = Place(first=gait_of(still, walk, rate), first_made=now)
        return first.turned_by(np.eye(3), now)
    return before.turned_by(rotation_since(before.first, still, walk, rate).rotation, now)


def _stand_and_walk(bench: OpenedSensor, guide: Guide) -> tuple[FloatArray, FloatArray]:
    """Lead a wearer through it; give ``[n, 6]`` of standing and ``[m, 6]`` of walking.

    Raises:
        CalibrationError: the wearer did not stand still, or did not walk, for a minute.
    """
    guide.say("Stand still, arms hanging.")
    guide.show("hold")
    still = _stretch(bench, is_still, STILL_SECONDS, "standing still")
    guide.show("taken")
    guide.say("Now walk straight on, ten steps at least, until this says that it is enough.")
    guide.show("move")
    walk = _stretch(bench, is_walk, _START_SECONDS + WALK_SECONDS, "walking")
    guide.show("taken")
    guide.say("That is enough.")
    return still, walk[-round(WALK_SECONDS * bench.chip.rate) :]


def _stretch(
    bench: OpenedSensor, wanted: Callable[[FloatArray], bool], seconds: float, what: str
) -> FloatArray:
    """Wait for a stretch of which every second is as wanted.

    Raises:
        CalibrationError: there is none.
    """
    second = round(bench.chip.rate)
    values = np.empty((0, 6), np.float32)
    needed = round(seconds * bench.chip.rate)
    for block in bench.samples(WALK_PATIENCE_SECONDS):
        values = block.values if block.gap else np.concatenate([values, block.values])
        if len(values) >= second and not wanted(values[-second:]):
            values = values[:0]
        if len(values) >= needed:
            return values[-needed:]
    raise CalibrationError(
        f"{WALK_PATIENCE_SECONDS:.0f} s went by without {seconds:.0f} s of {what}",
        remedy="Start again, with the strap tight; the calibration from before stays",
    )


def check_writable(folder: Path) -> None:
    """Refuse to begin where the result could not be kept.

    Raises:
        CalibrationError: the folder, or the one that it would be made in, cannot be written.
    """
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(there, os.W_OK):
        raise CalibrationError(
            "this user may not write there",
            where=str(folder),
            remedy="Use sudo, or be the user that harpi runs as",
        )


def keep(folder: Path, chip: str, part: GyroCalibration | AccelCalibration) -> None:
    """Replace one part of the calibration; the other stays if it is the same chip's.

    Args:
        folder: of the state.
        chip: fingerprint of the chip.
        part: what was measured.

    Raises:
        CalibrationError: the file cannot be written.
    """
    path = folder / FILE_NAME
    try:
        before = read_calibration(path)
    except CalibrationError:  # damaged: nothing in it is worth keeping
        before = None
    if before is None or before.chip != chip:
        before = Calibration(chip=chip)
    if isinstance(part, GyroCalibration):
        after = msgspec.structs.replace(before, gyro=part)
    else:
        after = msgspec.structs.replace(before, accel=part)
    write_document(path, after)
