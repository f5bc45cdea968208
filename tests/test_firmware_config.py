"""The files for the Pi agree with the configuration, and with each other."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest

from harpi import shipped
from harpi.config import Config
from harpi.config.loading import load
from harpi.controls.header import POSITIONS

PROFILES = ("arm", "leg", "high_impact")


@pytest.fixture(scope="module")
def pins() -> dict[str, Any]:
    return tomllib.loads(shipped.path("firmware_config/pins.toml").read_text())


def test_the_wiring_is_that_of_the_configuration(pins: dict[str, Any]) -> None:
    config = Config()
    wired = {
        f"{part}.{role}": place["gpio"]
        for part in ("buttons", "leds")
        for role, place in pins[part].items()
        if "gpio" in place
    }
    configured = {
        **{f"buttons.label_{n}": pin for n, pin in enumerate(config.buttons.labels, start=1)},
        "buttons.train": config.buttons.train,
        "buttons.undo": config.buttons.undo,
        "leds.recording": config.leds.recording,
        "leds.training": config.leds.training,
        "leds.status": config.leds.status,
    }
    assert wired == configured


def test_every_pin_is_where_the_header_has_it(pins: dict[str, Any]) -> None:
    places = [place for part in pins.values() for place in part.values()]
    for place in places:
        if "gpio" in place:
            assert POSITIONS[place["header"] - 1] == place["gpio"]
        else:
            assert POSITIONS[place["header"] - 1] == place["supply"]
    positions = [place["header"] for place in places]
    assert len(set(positions)) == len(positions)


@pytest.fixture(scope="module")
def boot() -> list[str]:
    text = shipped.path("firmware_config/config.txt").read_text()
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def numbers(boot: list[str], kind: str) -> list[int]:
    (line,) = [line for line in boot if re.fullmatch(rf"gpio=[0-9,]+={kind}", line)]
    return sorted(int(number) for number in line.split("=")[1].split(","))


def test_the_firmware_pulls_up_the_buttons_and_keeps_the_lights_off(boot: list[str]) -> None:
    config = Config()
    buttons = [*config.buttons.labels, config.buttons.train, config.buttons.undo]
    lights = [config.leds.recording, config.leds.training, config.leds.status]
    assert numbers(boot, "ip,pu") == sorted(pin for pin in buttons if pin is not None)
    assert numbers(boot, "op,dl") == sorted(pin for pin in lights if pin is not None)


def test_the_firmware_runs_the_bus_at_400_khz(boot: list[str]) -> None:
    assert "dtparam=i2c_arm=on" in boot
    assert "dtparam=i2c_arm_baudrate=400000" in boot


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
    from harpi.imu.settings import dlpf_for

    default = Config().sensor
    profile = load(shipped.path("firmware_config/profiles/arm.toml"), environment={})
    sensor = profile.config.sensor
    assert (sensor.rate, sensor.accel_range, sensor.gyro_range, sensor.dlpf) == (
        default.rate,
        default.accel_range,
        default.gyro_range,
        dlpf_for(default.rate),
    )
