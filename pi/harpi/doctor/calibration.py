"""The calibration: is there one, does it belong to this chip, and is it fresh?"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from harpi.doctor.finding import NotExamined, Outcome, fail, ok, warn
from harpi.doctor.patient import Patient
from harpi.imu.calibration import FILE_NAME, read_calibration
from harpi.signal.mounting_file import FILE_NAME as MOUNTING_FILE
from harpi.signal.mounting_file import read_mountings

WARMER: Final = 15.0
"""°C from which a calibration is for another temperature: the zero rate may move by 20 deg/s
over 125 °C (PS-MPU-6000A r3.4, 6.1), that is 2.4 deg/s."""

_AGAIN: Final = "Calibrate this chip: `harpi calibrate gyro`, `harpi calibrate accel`"


def calibration(patient: Patient) -> Outcome:
    """Read the files, and compare them with the chip and its temperature."""
    folder = patient.config.paths.state_folder
    found = read_calibration(folder / FILE_NAME)
    places = ", ".join(sorted(read_mountings(folder / MOUNTING_FILE).places))
    if found is None:
        if places:
            return ok(f"mounting of {places}; the chip's zero and scale are as they came")
        raise NotExamined("none was made: `harpi calibrate gyro` takes ten seconds")
    if _is_used(patient) is False:
        return fail("it is another chip's, and is not used", _AGAIN)
    parts = []
    if (gyro := found.gyro) is not None:
        parts.append(f"gyro {_when(gyro.made)} at {gyro.temperature:.0f} °C")
    if (accel := found.accel) is not None:
        parts.append(f"accel {_when(accel.made)}, residual {1000 * accel.residual:.1f} mg")
    text = "; ".join([*parts, *([f"mounting of {places}"] if places else [])])
    now = _temperature(patient)
    if gyro is not None and now is not None and abs(now - gyro.temperature) > WARMER:
        return warn(
            f"{text}; now the chip is at {now:.0f} °C",
            "Calibrate at the temperature that it is worn at: `harpi calibrate gyro`",
        )
    return ok(text)


def _is_used(patient: Patient) -> bool | None:
    """Whether the calibration is this chip's; None where that was not found out."""
    if patient.condition is not None:
        said = patient.condition.calibration
        return None if said is None else said.used
    return None if patient.health is None else patient.calibrated


def _temperature(patient: Patient) -> float | None:
    if patient.condition is not None:
        return patient.condition.health.sensor.temperature_c
    return None if patient.health is None else patient.health.temperature


def _when(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d}"
