"""The files for the Pi agree with the configuration, and with each other."""

from __future__ import annotations

import pytest

from harpi import shipped
from harpi.config import Config
from harpi.config.loading import load

PROFILES = ("arm", "leg", "high_impact")


def test_the_bus_gets_its_device_node() -> None:
    text = shipped.path("firmware_config/modules-load.conf").read_text()
    assert "i2c-dev" in text.splitlines()


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_is_a_configuration(name: str) -> None:
    path = shipped.path(f"firmware_config/profiles/{name}.toml")
    settings = load(path, environment={})
    assert set(settings.origins) == {
        f"sensor.{key}" for key in ("rate", "dlpf", "accel_range", "gyro_range")
    }


def test_there_are_no_other_profiles() -> None:
    folder = shipped.path("firmware_config/profiles")
    assert {path.stem for path in folder.glob("*.toml")} == set(PROFILES)


def test_the_profile_of_the_arm_is_the_default() -> None:
    from harpi.imu.chip import dlpf_for

    default = Config().sensor
    profile = load(shipped.path("firmware_config/profiles/arm.toml"), environment={})
    sensor = profile.config.sensor
    assert (sensor.rate, sensor.accel_range, sensor.gyro_range, sensor.dlpf) == (
        default.rate,
        default.accel_range,
        default.gyro_range,
        dlpf_for(default.rate),
    )
