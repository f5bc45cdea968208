"""config.txt: what of it is for this model, and whether it is in effect."""

from __future__ import annotations

import pytest

from harpi.doctor import computer
from harpi.doctor.context import Computer
from tests.doctor.ward import BOOTED, MODEL, Ward, age, raspberry_pi, tell_kernel, write


def asked(
    ward: Ward, text: str, model: str = "Raspberry Pi 4 Model B Rev 1.1"
) -> computer.BootConfig:
    raspberry_pi(ward.root).write_text(text)
    write(ward.root, MODEL, f"{model}\0")
    found = computer.read(Computer(ward.root))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "i2c", "hertz"),
    [
        ("", False, 100_000),
        ("dtparam=i2c_arm=on", True, 100_000),
        ("dtparam=i2c_arm", True, 100_000),
        ("dtparam=i2c=on,i2c_baudrate=50000", True, 50_000),
        ("#dtparam=i2c_arm=on", False, 100_000),
        ("dtparam=i2c_arm=on # the sensor", True, 100_000),
        ("dtparam=i2c_arm=on\ndtparam=i2c_arm=off", False, 100_000),
        ("[pi4]\ndtparam=i2c_arm=on\n[all]\ndtparam=i2c_arm_baudrate=400000", True, 400_000),
        ("[pi5]\ndtparam=i2c_arm=on", False, 100_000),
        ("[none]\ndtparam=i2c_arm=on\n[all]", False, 100_000),
        ("dtparam=i2c_arm_baudrate=fast", False, 100_000),
    ],
)
def test_what_is_asked_of_bus_1(ward: Ward, text: str, i2c: bool, hertz: int) -> None:
    found = asked(ward, text)
    assert (found.i2c, found.hertz) == (i2c, hertz)


@pytest.mark.parametrize(
    ("model", "section", "applies"),
    [
        ("Raspberry Pi 3 Model B Plus Rev 1.3", "pi3+", True),
        ("Raspberry Pi 3 Model B Rev 1.2", "pi3+", False),
        ("Raspberry Pi Zero 2 W Rev 1.0", "pi02", True),
        ("Raspberry Pi Zero W Rev 1.1", "pi0w", True),
        ("Raspberry Pi 400 Rev 1.0", "pi4", True),
        ("Raspberry Pi 5 Model B Rev 1.0", "pi4", False),
        ("Orange Pi PC", "pi4", False),
    ],
)
def test_sections_are_for_models(ward: Ward, model: str, section: str, applies: bool) -> None:
    assert asked(ward, f"[{section}]\ndtparam=i2c_arm=on", model).i2c is applies


def test_an_included_file_counts_with_its_age(ward: Ward) -> None:
    raspberry_pi(ward.root)
    included = write(ward.root, "boot/firmware/harpi.txt", "dtparam=i2c_arm=on\n")
    age(included, BOOTED + 5)
    found = asked(ward, "include harpi.txt\ninclude missing.txt\n")
    assert found.i2c
    assert found.changed >= BOOTED + 5


def test_files_that_include_each_other_come_to_an_end(ward: Ward) -> None:
    assert asked(ward, "include config.txt\ndtparam=i2c_arm=on").i2c


def test_a_kernel_driver_for_the_sensor_is_found(ward: Ward) -> None:
    asked(ward, "dtparam=i2c_arm=on\ndtoverlay=mpu6050,interrupt=4\n")
    found = ward.examine_one("config.txt")
    assert found.grade == "failure"
    assert found.remedy.startswith("Remove dtoverlay=mpu6050 from /boot/firmware/config.txt")


def test_an_overlay_that_takes_a_line_of_the_sensor(ward: Ward) -> None:
    asked(ward, "dtparam=i2c_arm=on,i2c_arm_baudrate=400000\ndtoverlay=gpio-shutdown\n")
    age(ward.root / "boot/firmware/config.txt", BOOTED - 5)
    found = ward.examine_one("config.txt")
    assert found.grade == "warning"
    assert "line 2 of config.txt, dtoverlay=gpio-shutdown: it takes GPIO3" in found.text
    assert found.remedy == "Give it another pin."


def test_i2c_that_is_off(ward: Ward) -> None:
    asked(ward, "gpu_mem=16\n")
    found = ward.examine_one("config.txt")
    assert "does not switch I2C on" in found.text
    assert "dtparam=i2c_arm=on" in found.remedy


def test_a_clock_that_needs_a_reboot(ward: Ward) -> None:
    age(raspberry_pi(ward.root), BOOTED + 10)
    tell_kernel(ward.root, 100_000)
    found = ward.examine_one("config.txt")
    assert "asks for 400000 Hz on I2C, the kernel has 100000 Hz" in found.text
    assert found.remedy == "Reboot: 'sudo reboot'"


def test_a_clock_that_no_reboot_sets(ward: Ward) -> None:
    raspberry_pi(ward.root)
    tell_kernel(ward.root, 100_000)
    assert "below [all]" in ward.examine_one("config.txt").remedy


def test_a_bus_of_its_own_overlay_needs_no_hardware_i2c(ward: Ward) -> None:
    raspberry_pi(ward.root).write_text("dtoverlay=i2c-gpio,bus=3\n")
    age(ward.root / "boot/firmware/config.txt", BOOTED - 5)
    ward.settings = {"sensor__bus": 3}
    assert ward.examine_one("config.txt").grade == "ok"


def test_another_computer_has_none(ward: Ward) -> None:
    assert ward.examine_one("config.txt").grade == "skipped"
