"""`harpi calibrate` as a person calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harpi.calibrate.sensor import BIAS
from harpi.files import write_document
from harpi.imu.calibration import FILE_NAME
from harpi.signal.gait import FILE_NAME as MOUNTING_FILE
from harpi.signal.gait import Mountings
from tests.doctor.test_sensor_calibration import ACCEL, GYRO, NOW
from tests.signal.test_gait_mounting_file import PLACE, TURN
from tests.support.command import harpi


@pytest.fixture
def folder(tmp_path: Path) -> dict[str, str]:
    return {
        "HARPI_PATHS__STATE": str(tmp_path / "state"),
        "HARPI_PATHS__RUNTIME": str(tmp_path / "run"),
    }


def test_a_rehearsal_keeps_nothing(folder: dict[str, str]) -> None:
    done = harpi("calibrate", "gyro", "--emulate", "--json", **folder)
    assert done.returncode == 0
    assert json.loads(done.stdout)["bias"] == pytest.approx(BIAS[3:], abs=0.02)
    assert not Path(folder["HARPI_PATHS__STATE"]).exists()


def test_the_accelerometer_by_positions(folder: dict[str, str]) -> None:
    done = harpi("calibrate", "accel", "--emulate", "--leaning", "6", **folder)
    assert done.returncode == 0
    assert "off by +40, -30 and +60 mg" in done.stdout
    assert "Nothing was saved." in done.stdout
    assert done.stderr.count("Measured:") == 12


def test_a_walk(folder: dict[str, str]) -> None:
    done = harpi("calibrate", "mounting", "--emulate", "--position", "right_arm", **folder)
    assert done.returncode == 0
    assert done.stdout.startswith("Your walk is saved. At right_arm, the strap should be")


def test_without_a_sensor_nothing_is_made(folder: dict[str, str]) -> None:
    done = harpi("calibrate", "accel", "--set", "sensor.bus=250", **folder)
    assert done.returncode == 3
    assert "there is no such I2C bus" in done.stderr
    assert not Path(folder["HARPI_PATHS__STATE"]).exists()


def test_what_was_calibrated_is_shown_and_forgotten(folder: dict[str, str]) -> None:
    from harpi.imu.calibration import Calibration

    assert "Nothing is calibrated" in harpi("calibrate", "show", **folder).stdout
    state = Path(folder["HARPI_PATHS__STATE"])
    write_document(state / FILE_NAME, Calibration(chip="68", gyro=GYRO, accel=ACCEL))
    places = Mountings().with_place("arm", PLACE.turned_by(TURN, NOW)).with_place("leg", PLACE)
    write_document(state / MOUNTING_FILE, places)
    shown = harpi("calibrate", "show", **folder).stdout.splitlines()
    assert [line.split()[0] for line in shown] == ["gyro", "accel", "mounting", "mounting"]
    assert "7 positions, residual 1.2 mg" in shown[1]
    assert "arm: turned by" in shown[2]
    assert "leg: strap put on again since, not known" in shown[3]
    everything = json.loads(harpi("calibrate", "show", "--json", **folder).stdout)
    assert everything["calibration"]["accel"]["positions"] == 7
    assert set(everything["mounting"]["places"]) == {"arm", "leg"}
    assert harpi("calibrate", "forget", "chip", **folder).stdout == "Forgotten.\n"
    assert harpi("calibrate", "forget", "chip", **folder).stdout == "There was none.\n"
    assert not (state / FILE_NAME).exists()
    assert (state / MOUNTING_FILE).exists()


@pytest.mark.parametrize(
    "words", [["accel", "--leaning", "0"], ["forget", "everything"], ["nonsense"]]
)
def test_what_cannot_be_is_refused(folder: dict[str, str], words: list[str]) -> None:
    done = harpi("calibrate", *words, **folder)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
