"""The zero of the gyroscope, from a sensor that lies still."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import numpy as np

from harpi.calibrate.bench import Bench
from harpi.calibrate.guide import Guide
from harpi.errors import CalibrationError
from harpi.imu.calibration import GyroCalibration, as_triple
from harpi.imu.rest import ZERO_RATE, Rest

SECONDS: Final = 5.0
SETTLE_SECONDS: Final = 0.5


def calibrate_gyro(bench: Bench, guide: Guide) -> GyroCalibration:
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
            f"the sensor shows {np.abs(bias).max():.1f} deg/s at rest, more than a good one "
            f"ever does ({ZERO_RATE:.0f})",
            remedy="See that it does not turn evenly, as on a turntable; else it is damaged",
        )
    return GyroCalibration(
        made=datetime.now(UTC),
        temperature=round(bench.chip.temperature(), 1),
        bias=as_triple(bias),
    )
