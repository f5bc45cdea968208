"""`harpi doctor` and `harpi calibrate` as processes, on unmodified smbus2."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harpi.config.loading import build
from harpi.daemon.sensor import SensorClaim
from harpi.files import write_document
from harpi.imu.calibration import FILE_NAME, Calibration
from harpi.imu.emulator import Chip, EmulatedBus, Still
from harpi.timebase import SystemTime
from tests.labs.rigs import shim
from tests.labs.rigs.wire import Adapter
from tests.support.broker import PATIENCE, wait_until
from tests.support.command import HARPI, end, environment, harpi, running_harpi

pytestmark = pytest.mark.compiler

BIAS = (0.02, -0.01, 0.03, 3.0, -2.0, 1.0)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shim.build(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def adapter() -> Adapter:
    time = SystemTime()
    return Adapter(EmulatedBus({0x68: Chip(Still(), time, bias=BIAS)}, time))


@pytest.fixture
def device(adapter: Adapter, library: Path, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a device of its own, without a broker."""
    with shim.serving(adapter, library, tmp_path) as shimmed:
        yield shimmed | {
            "HARPI_PATHS__STATE": str(tmp_path / "state"),
            "HARPI_PATHS__RUNTIME": str(tmp_path / "run"),
            "HARPI_MQTT__ENABLED": "false",
        }


def findings(device: dict[str, str]) -> dict[str, dict[str, Any]]:
    done = harpi("doctor", "--json", **device)
    return {row["check"]: row for row in map(json.loads, done.stdout.splitlines())}


def test_the_doctor_beside_a_running_harpi(device: dict[str, str]) -> None:
    with running_harpi("run", more=device) as process:
        socket = Path(device["HARPI_PATHS__RUNTIME"]) / "harpi.sock"
        wait_until(socket.exists, "the socket", PATIENCE)
        found = findings(device)
        refused = harpi("calibrate", "gyro", **device)
        errors = end(process)
    assert found["chip"] == {
        "group": "sensor",
        "check": "chip",
        "grade": "ok",
        "text": "MPU-6050",
        "remedy": "",
    }
    assert found["self-test"]["text"] == "in use by the daemon"
    assert "gap" not in errors
    assert refused.returncode == 8
    assert "systemctl stop harpi" in refused.stderr


def test_a_gyroscope_is_calibrated_and_the_doctor_sees_it(device: dict[str, str]) -> None:
    done = harpi("calibrate", "gyro", **device)
    assert (done.returncode, done.stderr) == (
        0,
        "Leave the sensor alone, on something that stands still.\n",
    )
    found = [float(word) for word in re.findall(r"[+-]\d+\.\d+", done.stdout)]
    assert found == pytest.approx(BIAS[3:], abs=0.05)
    assert "+3.0" in harpi("calibrate", "show", **device).stdout
    examined = findings(device)
    for name in ("bus", "address", "chip", "awake", "self-test", "sampling", "calibration"):
        assert examined[name]["grade"] == "ok", examined[name]
    assert examined["zero"]["text"].startswith("zero rate off by 0.0 deg/s")
    assert float(examined["bus clock"]["text"].split()[0]) > 200  # the host adds its own


def test_a_calibration_that_is_killed_leaves_the_old_one(device: dict[str, str]) -> None:
    path = Path(device["HARPI_PATHS__STATE"]) / FILE_NAME
    write_document(path, Calibration(chip="another"))
    before = path.read_bytes()
    with subprocess.Popen(
        [*HARPI, "calibrate", "accel"],
        env=environment(**device),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("Measured: its face up"):
                break
        process.kill()
        process.wait(PATIENCE)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [FILE_NAME]
    runtime = build({"paths.runtime": device["HARPI_PATHS__RUNTIME"]})
    SensorClaim(runtime).release()  # nobody has it any more
