"""Drivers that nobody here wrote read the emulated chip correctly."""

from __future__ import annotations

import math

import pytest

from harpi.imu.emulator import Still
from tests.support.bench import Bench, Held
from tests.support.foreign_drivers import adafruit, mpu6050_raspberrypi

G = 9.80665

MOTION = (0.3, -0.7, 0.6, 40.0, -90.0, 200.0)


@pytest.mark.parametrize(("choice", "full_scale"), list(enumerate([2, 4, 8, 16])))
def test_adafruit_reads_acceleration_in_every_range(choice: int, full_scale: int) -> None:
    bench = Bench(Held(*MOTION), noise=False)
    with adafruit(bench.bus, bench.time) as driver:
        driver.accelerometer_range = choice
        expected = [value * G for value in MOTION[:3]]
        assert driver.acceleration == pytest.approx(expected, abs=G * full_scale / 32768)
        assert bench.read(0x1C) == bytes([choice << 3])


@pytest.mark.parametrize(("choice", "full_scale"), list(enumerate([250, 500, 1000, 2000])))
def test_adafruit_reads_angular_rate_in_every_range(choice: int, full_scale: int) -> None:
    bench = Bench(Held(*MOTION), noise=False)
    with adafruit(bench.bus, bench.time) as driver:
        bench.time.advance(0.1)  # the gyroscope starts up
        driver.gyro_range = choice
        expected = [math.radians(value) for value in MOTION[3:]]
        assert driver.gyro == pytest.approx(expected, abs=math.radians(full_scale / 32768))


def test_adafruit_reads_the_temperature() -> None:
    bench = Bench(temperature=31.4)
    with adafruit(bench.bus, bench.time) as driver:
        assert driver.temperature == pytest.approx(31.4, abs=1 / 340)


def test_adafruit_sets_the_divider_the_filter_and_sleep() -> None:
    bench = Bench()
    with adafruit(bench.bus, bench.time) as driver:
        driver.sample_rate_divisor = 19
        driver.sleep = True
        assert not bench.chip.sampling
        driver.sleep = False
        assert bench.chip.sampling
        assert bench.chip.sample_period == pytest.approx(20 / 8000)


def test_adafruit_cycles_the_accelerometer() -> None:
    bench = Bench(noise=False)
    with adafruit(bench.bus, bench.time) as driver:
        driver.cycle_rate = 2
        driver.cycle = True
        assert bench.chip.sample_period == pytest.approx(1 / 20)
        bench.time.advance(0.1)
        assert driver.acceleration == pytest.approx((0.0, 0.0, G), abs=0.01)


def test_adafruit_refuses_a_chip_with_another_id() -> None:
    bench = Bench(who_am_i=0x98)
    with pytest.raises(RuntimeError, match="MPU6050"), adafruit(bench.bus, bench.time):
        pass


@pytest.mark.parametrize("bits", [0x00, 0x08, 0x10, 0x18])
def test_raspberrypi_reads_motion_in_every_range(bits: int) -> None:
    bench = Bench(Held(*MOTION), noise=False)
    with mpu6050_raspberrypi(bench.bus) as driver:
        bench.time.advance(0.2)
        driver.set_accel_range(bits)
        driver.set_gyro_range(bits)
        bench.time.advance(0.01)
        assert driver.read_accel_range() == 2 << (bits >> 3)
        assert driver.read_gyro_range() == 250 << (bits >> 3)
        accel, gyro = driver.get_accel_data(g=True), driver.get_gyro_data()
        fine = 1 << (bits >> 3)
        assert list(accel.values()) == pytest.approx(MOTION[:3], abs=fine / 16384)
        assert list(gyro.values()) == pytest.approx(MOTION[3:], abs=fine / 131)


def test_raspberrypi_reads_temperature_and_gravity() -> None:
    bench = Bench(Still((0.0, 1.0, 0.0)), temperature=-5.0, noise=False)
    with mpu6050_raspberrypi(bench.bus) as driver:
        bench.time.advance(0.2)
        accel, gyro, temperature = driver.get_all_data()
        assert temperature == pytest.approx(-5.0, abs=1 / 340)
        assert list(accel.values()) == pytest.approx([0.0, G, 0.0], abs=0.01)
        assert list(gyro.values()) == pytest.approx([0.0, 0.0, 0.0], abs=0.1)


def test_raspberrypi_keeps_other_bits_when_it_sets_the_filter() -> None:
    bench = Bench()
    with mpu6050_raspberrypi(bench.bus) as driver:
        bench.write(0x1A, 0x28)
        driver.set_filter_range(driver.FILTER_BW_42)
        assert bench.read(0x1A) == b"\x2b"
