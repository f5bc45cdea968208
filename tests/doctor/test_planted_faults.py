"""Faults, each planted where it happens in life, each found with its remedy."""

from __future__ import annotations

import msgspec
import pytest

from harpi.doctor.context import count
from harpi.errors import BusPermissionDenied
from harpi.imu.bus import Bus, sensor_error
from harpi.imu.emulator import Fault, FaultKind, FaultPlan
from harpi.imu.emulator.settings import Variant
from harpi.store.claim import StateClaim
from tests.doctor.ward import (
    BOOTED,
    Hands,
    Panel,
    Ward,
    age,
    chip_on_a_bus,
    raspberry_pi,
    write,
)


def test_a_well_device_has_no_failure_and_no_warning(ward: Ward) -> None:
    raspberry_pi(ward.root)
    findings = ward.examine()
    host = ("service", "time")  # those of the computer that the test runs on
    found = [finding for name, finding in findings.items() if name not in host]
    assert (count(found, "failure"), count(found, "warning")) == (0, 0)
    assert [f.check for f in found if f.group == "sensor" and f.grade == "ok"] == [
        "permissions",
        "bus",
        "address",
        "chip",
        "awake",
        "self-test",
        "sampling",
        "bus clock",
        "noise",
        "zero",
    ]


def test_a_wrong_address(ward: Ward) -> None:
    ward.bus = chip_on_a_bus(ward.time, address=0x69)
    found = ward.examine_one("address")
    assert found.grade == "failure"
    assert found.text == "nothing answers at 0x68, but 0x69 does, as MPU-6050"
    assert "Set sensor.address = 0x69" in found.remedy


def test_a_clone(ward: Ward) -> None:
    ward.bus = chip_on_a_bus(ward.time, who_am_i=0x98)
    findings = ward.examine()
    assert findings["chip"].grade == "warning"
    assert "ICM-20689" in findings["chip"].text
    assert "harpi reads it as it is" in findings["chip"].remedy
    assert findings["sampling"].grade == "ok"


def test_no_permission(ward: Ward) -> None:
    def refuse() -> Bus:
        raise sensor_error(PermissionError(13, "Permission denied"), "/dev/i2c-1")

    ward.open_bus = refuse  # type: ignore[method-assign]
    findings = ward.examine()
    assert findings["bus"].grade == "failure"
    assert "usermod -aG i2c" in findings["bus"].remedy
    assert findings["address"].text == "the bus could not be opened"
    with pytest.raises(BusPermissionDenied):
        refuse()


def test_a_sensor_that_falls_asleep(ward: Ward) -> None:
    plan = FaultPlan(Fault(FaultKind.BROWNOUT, probability=1.0))
    ward.bus = chip_on_a_bus(ward.time, faults=plan)
    found = ward.examine_one("awake")
    assert found.grade == "failure"
    assert "falls asleep" in found.text
    assert "3.3 V" in found.remedy


def test_swapped_button_pins(ward: Ward) -> None:
    ward.settings = {"buttons__enabled": True, "learning__labels": ("walking", "sitting")}
    ward.panel = Panel({"walking": 6, "sitting": 5, "train": 26, "undo": 12})
    ward.guide = Hands(ward.panel)
    found = ward.examine_one("buttons")
    assert found.grade == "failure"
    assert "'walking' at GPIO6, 'sitting' at GPIO5" in found.text
    assert "'walking' from header pin 31 to 29" in found.remedy
    assert "set buttons.labels = [6, 5]" in found.remedy
    assert ward.panel.closed


def test_a_full_disk(ward: Ward) -> None:
    ward.settings = {"store__keep_free_mb": 10**9}
    found = ward.examine_one("disk")
    assert found.grade == "failure"
    assert "recording is refused" in found.text
    assert "harpi takes purge" in found.remedy


def test_a_broker_that_is_down(ward: Ward) -> None:
    ward.settings = {"mqtt__enabled": True, "mqtt__port": 1}
    found = ward.examine_one("broker")
    assert found.grade == "failure"
    assert "cannot be reached" in found.text
    assert "systemctl start mosquitto" in found.remedy


def test_a_corrupt_head(ward: Ward) -> None:
    shelf = ward.folder / "state" / "heads"
    shelf.mkdir(parents=True)
    (shelf / "head-1.safetensors").write_bytes(b"no tensors at all")
    (shelf / "shelf.json").write_bytes(msgspec.json.encode({"format": 1, "current": 1}))
    found = ward.examine_one("head")
    assert found.grade == "failure"
    assert "head-1.safetensors" in found.text
    assert "harpi train" in found.remedy


def test_a_slow_bus(ward: Ward) -> None:
    ward.bus = chip_on_a_bus(ward.time, scl_hz=100_000)
    found = ward.examine_one("bus clock")
    assert found.grade == "warning"
    assert "100 kHz achieved" in found.text
    assert "dtparam=i2c_arm_baudrate=400000" in found.remedy


def test_a_stale_overlay(ward: Ward) -> None:
    age(raspberry_pi(ward.root), BOOTED + 60)
    found = ward.examine_one("config.txt")
    assert found.grade == "warning"
    assert "not in effect yet" in found.text
    assert found.remedy == "Reboot: 'sudo reboot'"


@pytest.mark.parametrize(
    ("axes", "value", "text"),
    [
        ((0, 1, 2), 0, "the accelerometer"),
        ((3, 4, 5), 0, "the gyroscope does not change any more"),
        ((1,), 32767, "the accelerometer's y axis is stuck at the end of the range"),
        ((5,), 100, "the gyroscope's z axis does not change any more"),
    ],
)
def test_axes_that_lie_while_others_live(
    ward: Ward, axes: tuple[int, ...], value: int, text: str
) -> None:
    plan = FaultPlan(Fault(FaultKind.STUCK_AT, at=0.0, seconds=1e6, axes=axes, value=value))
    ward.bus = chip_on_a_bus(ward.time, faults=plan)
    found = ward.examine_one("sampling")
    assert found.grade == "failure"
    assert text in found.text
    assert "Take the sensor's supply away for a second" in found.remedy


def test_a_sensor_that_is_frozen_for_good(ward: Ward) -> None:
    plan = FaultPlan(Fault(FaultKind.FROZEN, at=0.0, seconds=1e6))
    ward.bus = chip_on_a_bus(ward.time, faults=plan)
    assert ward.examine_one("sampling").grade == "failure"


def test_a_fifo_that_does_not_fill(ward: Ward) -> None:
    ward.bus = chip_on_a_bus(ward.time, faults=FaultPlan(Fault(FaultKind.DRY, at=0.0)))
    found = ward.examine_one("sampling")
    assert found.grade == "warning"
    assert "FIFO" in found.text
    assert "late" in found.remedy


def test_frames_of_another_length(ward: Ward) -> None:
    ward.bus = chip_on_a_bus(ward.time, who_am_i=0x55, variant=Variant(padding=6))
    found = ward.examine_one("sampling")
    assert found.grade == "failure"
    assert "18 bytes" in found.remedy
    assert "It is another chip" in found.remedy


def test_another_program_that_changes_the_registers(ward: Ward) -> None:
    plan = FaultPlan(*(Fault(FaultKind.MEDDLED, at=at, value=0x1C18) for at in (3.5, 4.5, 5.5)))
    ward.bus = chip_on_a_bus(ward.time, faults=plan)
    found = ward.examine_one("sampling")
    assert found.grade == "failure"
    assert "register 0x1C" in found.text
    assert "no other program" in found.remedy


def test_a_clock_at_the_sensors_address(ward: Ward) -> None:
    device = ward.root / "sys/bus/i2c/devices/1-0068"
    driver = ward.root / "sys/bus/i2c/drivers/rtc-ds1307"
    driver.mkdir(parents=True)
    write(ward.root, "sys/bus/i2c/devices/1-0068/name", "ds3231\n")
    (device / "driver").symlink_to(driver)
    found = ward.examine_one("address")
    assert found.grade == "failure"
    assert "rtc-ds1307 has claimed the address" in found.text
    assert "sensor.address = 0x69" in found.remedy


def test_an_overlay_on_a_pin_of_a_button(ward: Ward) -> None:
    ward.settings = {"buttons__enabled": True}
    config = raspberry_pi(ward.root)
    config.write_text(f"{config.read_text()}dtoverlay=dpi24\n")
    age(config, BOOTED - 100)
    found = ward.examine_one("config.txt")
    assert found.grade == "warning"
    assert "GPIO5, which a button needs" in found.text
    assert "another pin" in found.remedy


def test_a_busy_pin(ward: Ward) -> None:
    ward.settings = {"buttons__enabled": True}
    ward.panel.busy = {6}
    found = ward.examine_one("buttons")
    assert found.grade == "failure"
    assert "GPIO6" in found.text
    assert "gpioinfo" in found.remedy


def test_a_second_harpi_on_one_state_folder(ward: Ward) -> None:
    with StateClaim(ward.config.paths.state_folder):
        findings = ward.examine()
    assert findings["daemon"].grade == "failure"
    assert "another harpi uses this state folder" in findings["daemon"].text
    assert "paths.state" in findings["daemon"].remedy
    assert findings["sampling"].grade == "skipped"  # it may use the sensor, too
