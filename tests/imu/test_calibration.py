"""The calibration of one chip: kept whole, refused where it cannot be, taken out."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from harpi.errors import CalibrationError
from harpi.files import write_document
from harpi.imu.calibration import (
    FILE_NAME,
    AccelCalibration,
    Calibration,
    GyroCalibration,
    as_triple,
    read_calibration,
)
from harpi.imu.emulator import Chip, EmulatedBus, Still, VirtualTime
from harpi.imu.mpu6050 import Mpu6050

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
BIAS = (0.05, -0.04, 0.07, 3.0, -12.0, 1.5)
GAIN = np.array([[1.02, 0.01, -0.01], [0.01, 0.98, 0.005], [-0.01, 0.005, 1.015]])


def calibration(chip: str, **parts: Any) -> Calibration:
    inverse = np.linalg.inv(GAIN)
    accel = AccelCalibration(
        made=NOW,
        temperature=24.0,
        offset=as_triple(np.array(BIAS[:3])),
        matrix=tuple(as_triple(row) for row in inverse),  # type: ignore[arg-type]
        residual=0.0005,
        positions=12,
    )
    gyro = GyroCalibration(made=NOW, temperature=24.0, bias=as_triple(np.array(BIAS[3:])))
    return Calibration(chip=chip, **{"accel": accel, "gyro": gyro, **parts})


class Patient:
    """A chip with errors, and its driver."""

    def __init__(
        self, seed: int = 0, who_am_i: int = 0x68, gravity: Any = (0.6, 0, 0.8)
    ) -> None:
        self.time = VirtualTime()
        chip = Chip(
            Still(gravity),
            self.time,
            seed=seed,
            who_am_i=who_am_i,
            noise=False,
            bias=BIAS,
            accel_gain=GAIN,
        )
        self.bus = EmulatedBus({0x68: chip}, self.time)

    def start(self, calibration: Calibration | None = None) -> Mpu6050:
        driver = Mpu6050(self.bus, self.time, calibration=calibration)
        driver.start()
        self.time.advance(0.5)
        return driver

    def fingerprint(self) -> str:
        return self.start().fingerprint


def test_the_driver_takes_the_errors_out() -> None:
    patient = Patient()
    raw = patient.start().read().values.mean(axis=0)
    assert raw == pytest.approx([*(GAIN @ [0.6, 0, 0.8] + BIAS[:3]), *BIAS[3:]], abs=0.02)
    driver = patient.start(calibration(patient.fingerprint()))
    assert driver.calibrated
    values = driver.read().values
    assert values.dtype == np.float32
    assert values.mean(axis=0) == pytest.approx([0.6, 0, 0.8, 0, 0, 0], abs=0.02)


@pytest.mark.parametrize("left_out", ["gyro", "accel"])
def test_one_part_alone_leaves_the_other_as_it_is(left_out: str) -> None:
    patient = Patient()
    driver = patient.start(calibration(patient.fingerprint(), **{left_out: None}))
    mean = driver.read().values.mean(axis=0)
    true, shown = [0.6, 0, 0.8], GAIN @ [0.6, 0, 0.8] + BIAS[:3]
    accel, gyro = (true, BIAS[3:]) if left_out == "gyro" else (shown, [0, 0, 0])
    assert mean == pytest.approx([*accel, *gyro], abs=0.02)


@pytest.mark.parametrize("who_am_i", [0x68, 0x70, 0x98, 0x12])
def test_chips_of_a_kind_have_fingerprints_of_their_own(who_am_i: int) -> None:
    prints = {Patient(seed, who_am_i).fingerprint() for seed in range(8)}
    assert len(prints) == 8
    assert Patient(3, who_am_i).fingerprint() in prints


def test_the_calibration_of_another_chip_is_left_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    other = Patient(seed=5)
    driver = other.start(calibration(Patient(seed=6).fingerprint()))
    assert not driver.calibrated
    assert "another chip's" in caplog.text
    assert driver.read().values.mean(axis=0)[4] == pytest.approx(-12.0, abs=0.1)


def test_it_is_there_again_after_a_brownout() -> None:
    patient = Patient()
    driver = patient.start(calibration(patient.fingerprint()))
    driver.start()
    assert driver.calibrated


def test_a_file_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / FILE_NAME
    assert read_calibration(path) is None
    written = calibration("68aa")
    write_document(path, written)
    assert read_calibration(path) == written


@pytest.mark.parametrize(
    "change",
    [
        {"bias": (0.0, 80.0, 0.0)},
        {"bias": (0.0, float("nan"), 0.0)},
        {"bias": (0.0, 0.0)},
        {"offset": (0.9, 0.0, 0.0)},
        {"matrix": ((2.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))},
        {"made": "yesterday"},
        {"unheard": 1},
    ],
)
def test_a_file_that_no_measurement_makes_is_refused(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    everything = msgspec.to_builtins(calibration("68aa"))
    for part in ("gyro", "accel"):
        known = {key: value for key, value in change.items() if key in everything[part]}
        everything[part] |= known or ({} if part == "gyro" else change)
    path = tmp_path / FILE_NAME
    path.write_bytes(msgspec.json.encode(everything))
    with pytest.raises(CalibrationError, match="is damaged"):
        read_calibration(path)
