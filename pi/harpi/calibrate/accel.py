"""Zero and scale of the accelerometer, from six faces and leaning positions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from harpi.calibrate.bench import Bench
from harpi.calibrate.guide import Guide
from harpi.errors import CalibrationError
from harpi.imu.accel_fit import fit
from harpi.imu.calibration import AccelCalibration, as_triple
from harpi.imu.positions import Positions

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


def calibrate_accel(bench: Bench, guide: Guide, *, leaning: int = 1) -> AccelCalibration:
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
        f"{'once' if leaning == 1 else f'{leaning} times, each time otherwise'}; in any order."
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


def _next(bench: Bench, guide: Guide, positions: Positions) -> None:
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
        remedy="Begin again; what was calibrated before is as it was",
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
