"""Errno 16: which driver of the kernel has the address is read from /sys."""

from __future__ import annotations

from pathlib import Path

from harpi.imu.bus import claimed


def bind(root: Path, address: int, name: str, driver: str) -> None:
    device = root / f"sys/bus/i2c/devices/1-{address:04x}"
    there = root / f"sys/bus/i2c/drivers/{driver}"
    there.mkdir(parents=True)
    device.mkdir(parents=True)
    (device / "name").write_text(f"{name}\n")
    (device / "driver").symlink_to(there)


def test_the_driver_that_has_the_address_is_named(tmp_path: Path) -> None:
    bind(tmp_path, 0x68, "mpu6050", "inv-mpu6050-i2c")
    error = claimed(1, 0x68, tmp_path)
    assert error is not None
    assert "the kernel's driver inv-mpu6050-i2c has claimed the address" in error.problem
    assert "dtoverlay of mpu6050" in str(error.remedy)


def test_a_clock_at_the_sensors_address_is_known_as_one(tmp_path: Path) -> None:
    bind(tmp_path, 0x68, "ds3231", "rtc-ds1307")
    error = claimed(1, 0x68, tmp_path)
    assert error is not None
    assert "sensor.address = 0x69" in str(error.remedy)
    assert claimed(1, 0x69, tmp_path) is None
