"""Bus, chip and sampling, with what can be wrong with them besides the planted faults."""

from __future__ import annotations

import pwd
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from harpi.imu.emulator import Chip, EmulatedBus, Fault, FaultKind, FaultPlan
from harpi.types import FloatArray, TimeArray
from tests.doctor.ward import Ward, chip_on_a_bus, raspberry_pi, write
from tests.support.bench import Held
from tests.support.stage import Stage


def test_others_on_the_bus_are_named(ward: Ward) -> None:
    chips = {address: Chip(Held(0, 0, 1, 0, 0, 0), ward.time) for address in (0x68, 0x3C, 0x77)}
    ward.bus = EmulatedBus(chips, ward.time)
    assert ward.examine_one("address").text == "0x68 answers; so does 0x3C, 0x77"


def test_a_silent_bus(ward: Ward) -> None:
    ward.bus = EmulatedBus({}, ward.time)
    findings = ward.examine()
    assert findings["address"].grade == "failure"
    assert "nor does anything else" in findings["address"].text
    assert "harpi pinout" in findings["address"].remedy
    assert findings["sampling"].text == "no chip answers"


def test_another_chip_where_the_sensor_should_be_looked_for(ward: Ward) -> None:
    ward.bus = chip_on_a_bus(ward.time, address=0x3C)
    found = ward.examine_one("address")
    assert found.text == "nothing answers at 0x68; 0x3C does"


def test_ad0_low_where_it_should_be_high(ward: Ward) -> None:
    ward.settings = {"sensor__address": 0x69}
    found = ward.examine_one("address")
    assert "sensor.address = 0x68, because AD0 is low" in found.remedy


def test_a_bus_that_is_held_low_is_given_up_at_once(ward: Ward) -> None:
    plan = FaultPlan(Fault(FaultKind.STUCK, transfer=0))
    bus = chip_on_a_bus(ward.time, faults=plan)
    ward.bus = bus
    found = ward.examine_one("address")
    assert found.grade == "failure"
    assert "held low" in found.text
    assert bus.account.transfers < 10


def test_a_kernel_driver_that_has_the_sensor(ward: Ward) -> None:
    plan = FaultPlan(Fault(FaultKind.BUSY, transfer=0, transfers=10**6))
    ward.bus = chip_on_a_bus(ward.time, faults=plan)
    found = ward.examine_one("address")
    assert "kernel driver" in found.text
    assert "Remove dtoverlay=mpu6050" in found.remedy


def test_the_user_harpi_must_be_let_at_the_devices(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    raspberry_pi(ward.root)
    node = ward.root / "dev/i2c-1"
    user = SimpleNamespace(pw_uid=54321, pw_gid=54321, pw_name="harpi")
    monkeypatch.setattr(pwd, "getpwnam", lambda name: user)
    monkeypatch.setattr("os.getgrouplist", lambda name, group: [group])
    node.chmod(0o660)
    found = ward.examine_one("permissions")
    assert found.text == "the user harpi may not use /dev/i2c-1"
    assert "sudo harpi setup" in found.remedy
    monkeypatch.setattr("os.getgrouplist", lambda name, group: [node.stat().st_gid])
    assert ward.examine_one("permissions").grade == "ok"


def test_who_may_not_use_a_device_is_told_the_group(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    raspberry_pi(ward.root)
    monkeypatch.setattr("os.access", lambda path, mode: Path(path).name != "i2c-1")
    found = ward.examine_one("permissions")
    assert "may not use /dev/i2c-1" in found.text
    assert "usermod -aG" in found.remedy


@pytest.mark.parametrize(
    ("who_am_i", "grade", "text"),
    [
        (0x42, "warning", "no chip that harpi knows"),
        (0xFF, "failure", "which belongs to no known chip"),
    ],
)
def test_what_nobody_knows(ward: Ward, who_am_i: int, grade: str, text: str) -> None:
    plan = FaultPlan(Fault(FaultKind.CORRUPT_ID, transfer=0, value=who_am_i))
    ward.bus = chip_on_a_bus(ward.time, faults=plan)
    found = ward.examine_one("chip")
    assert found.grade == grade
    assert text in found.text


def test_a_chip_that_fails_its_self_test(ward: Ward) -> None:
    ward.bus = chip_on_a_bus(ward.time, self_test_error=(0, 0, 0.4, 0, -0.2, 0))
    found = ward.examine_one("self-test")
    assert found.grade == "failure"
    assert "accel z by +40%, gyro y by -20%" in found.text
    assert "accel x" not in found.text


def test_a_self_test_that_cannot_be_made(ward: Ward) -> None:
    ward.bus = chip_on_a_bus(ward.time, who_am_i=0x70)
    assert ward.examine_one("self-test").grade == "skipped"


def test_a_sensor_that_moves_is_neither_tested_nor_measured(ward: Ward) -> None:
    worn = Stage(ward.time)
    worn.perform("walking", 0)
    ward.bus = chip_on_a_bus(ward.time, motion=worn)
    findings = ward.examine()
    assert findings["sampling"].grade == "ok"
    assert findings["self-test"].grade == "skipped"
    assert "looks like a response" in findings["self-test"].text
    assert findings["noise"].text == "the sensor is not at rest; lay it down and repeat"


def test_samples_that_get_lost(ward: Ward) -> None:
    plan = FaultPlan(Fault(FaultKind.OVERFLOW, at=3.5), Fault(FaultKind.OVERFLOW, at=5.0))
    ward.bus = chip_on_a_bus(ward.time, faults=plan)
    found = ward.examine_one("sampling")
    assert found.grade == "failure"
    assert "lost" in found.text
    assert "sensor.rate" in found.remedy


def test_a_clock_that_is_far_off(ward: Ward) -> None:
    ward.bus = chip_on_a_bus(ward.time, clock_error=0.08)
    assert ward.examine_one("sampling").grade == "failure"


def test_a_bus_too_slow_for_the_rate(ward: Ward) -> None:
    ward.settings = {"sensor__rate": 1000}
    ward.bus = chip_on_a_bus(ward.time, scl_hz=100_000)
    findings = ward.examine()
    assert "failure" in (findings["sampling"].grade, findings["bus clock"].grade)


def test_a_controller_whose_own_clock_changed(ward: Ward) -> None:
    raspberry_pi(ward.root)
    ward.bus = chip_on_a_bus(ward.time, scl_hz=250_000)
    found = ward.examine_one("bus clock")
    assert "core_freq=250" in found.remedy


def test_noise_above_the_data_sheet(ward: Ward) -> None:
    class Shaken(Held):
        def values(self, times: TimeArray) -> FloatArray:
            values = super().values(times)
            values[:, 0] += 0.015 * np.sin(2 * np.pi * 7 * times)
            return values

    ward.bus = chip_on_a_bus(ward.time, motion=Shaken(0, 0, 1, 0, 0, 0))
    found = ward.examine_one("noise")
    assert found.grade == "warning"
    assert "times the data sheet" in found.text


def test_a_zero_beyond_the_data_sheet(ward: Ward) -> None:
    ward.bus = chip_on_a_bus(ward.time, bias=(0, 0, 0, 0, 31.0, 0))
    found = ward.examine_one("zero")
    assert found.grade == "failure"
    assert "31.0 deg/s" in found.text
    ward.bus = chip_on_a_bus(ward.time, bias=(0, 0, 0.2, 0, 0, 0))
    found = ward.examine_one("zero")
    assert (found.grade, "harpi calibrate accel" in found.remedy) == ("warning", True)


def test_a_sensor_without_noise_does_not_measure(ward: Ward) -> None:
    ward.bus = chip_on_a_bus(ward.time, noise=False)
    assert "not even by noise" in ward.examine_one("sampling").text


def test_a_missing_device_is_no_matter_of_permission(ward: Ward) -> None:
    write(ward.root, "dev/null", "")
    assert ward.examine_one("permissions").grade == "skipped"
