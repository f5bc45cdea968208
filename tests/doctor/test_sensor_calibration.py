"""What the doctor says of a calibration."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from harpi.files import write_document
from harpi.imu.calibration import FILE_NAME, AccelCalibration, Calibration, GyroCalibration
from harpi.imu.mpu6050 import Mpu6050
from harpi.signal.gait import FILE_NAME as MOUNTING_FILE
from harpi.signal.gait import Mountings
from tests.doctor.ward import Ward, chip_on_a_bus
from tests.signal.test_gait_mounting_file import PLACE

NOW = datetime(2026, 7, 8, 12, tzinfo=UTC)
GYRO = GyroCalibration(made=NOW, temperature=24.0, bias=(0.0, 0.0, 0.0))
ACCEL = AccelCalibration(
    made=NOW,
    temperature=24.0,
    offset=(0.0, 0.0, 0.0),
    matrix=((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    residual=0.0012,
    positions=7,
)


def calibrated(ward: Ward, *, chip: str | None = None) -> None:
    driver = Mpu6050(ward.bus, ward.time)
    driver.start()
    found = Calibration(chip=chip or driver.fingerprint, gyro=GYRO, accel=ACCEL)
    write_document(ward.folder / "state" / FILE_NAME, found)


def test_none_was_made(ward: Ward) -> None:
    assert ward.examine_one("calibration").grade == "skipped"


def test_what_was_calibrated_is_listed(ward: Ward) -> None:
    calibrated(ward)
    found = ward.examine_one("calibration")
    assert found.grade == "ok"
    assert found.text == "gyro 2026-07-08 at 24 °C; accel 2026-07-08, residual 1.2 mg"


def test_another_chips(ward: Ward) -> None:
    calibrated(ward, chip="6800")
    found = ward.examine_one("calibration")
    assert found.grade == "failure"
    assert "harpi calibrate gyro" in found.remedy


def test_another_temperature(ward: Ward) -> None:
    ward.bus = chip_on_a_bus(ward.time, temperature=45.0)
    calibrated(ward)
    found = ward.examine_one("calibration")
    assert found.grade == "warning"
    assert "now the chip is at 45 °C" in found.text


def test_a_damaged_file(ward: Ward) -> None:
    path = ward.folder / "state" / FILE_NAME
    path.parent.mkdir()
    path.write_bytes(b"{")
    findings = ward.examine()
    assert findings["calibration"].grade == "failure"
    assert findings["sampling"].grade == "ok"


def test_a_mounting_alone(ward: Ward) -> None:
    write_document(
        ward.folder / "state" / MOUNTING_FILE, Mountings().with_place("right_arm", PLACE)
    )
    assert ward.examine_one("calibration").text.startswith("mounting of right_arm")


@pytest.mark.parametrize(
    ("bias", "remedy"),
    [((0, 0, 0, 0, 2.5, 0), "calibrate gyro"), ((0, 0, 0.05, 0, 0, 0), "calibrate accel")],
)
def test_a_sensor_that_has_drifted_since(
    ward: Ward, bias: tuple[float, ...], remedy: str
) -> None:
    ward.bus = chip_on_a_bus(ward.time, bias=bias)
    assert ward.examine_one("zero").grade == "ok"
    calibrated(ward)
    found = ward.examine_one("zero")
    assert found.grade == "warning"
    assert remedy in found.remedy
