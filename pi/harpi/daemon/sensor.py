"""The sensor as the configuration and its calibration want it."""

from __future__ import annotations

from harpi.config.schema import Config
from harpi.imu.bus import Bus
from harpi.imu.calibration import Calibration
from harpi.imu.mpu6050 import Mpu6050
from harpi.timebase import Timebase


def make_chip(
    config: Config, bus: Bus, timebase: Timebase, calibration: Calibration | None = None
) -> Mpu6050:
    """Make the driver of the sensor.

    Args:
        config: all settings.
        bus: where the sensor is.
        timebase: what times the transfers.
        calibration: what is taken out of the readings.

    Raises:
        ConfigError: a setting that the chip does not have.
    """
    sensor = config.sensor
    return Mpu6050(
        bus,
        timebase,
        address=sensor.address,
        rate=sensor.rate,
        accel_range=sensor.accel_range,
        gyro_range=sensor.gyro_range,
        dlpf=sensor.dlpf,
        calibration=calibration,
    )
