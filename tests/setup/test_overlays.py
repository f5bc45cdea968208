"""Overlays and parameters of config.txt that take a pin, the bus or the address of harpi's."""

from __future__ import annotations

import pytest

from harpi.config.loading import build
from harpi.setup.boot import conflicts
from harpi.setup.overlays import taken_by

WIRED = build(
    {
        "buttons": {"enabled": True, "labels": [5, 6], "train": 26, "undo": 12},
        "leds": {"enabled": True, "recording": 16, "training": 20, "status": 21},
    }
)


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("dtoverlay=gpio-fan,gpiopin=12,temp=55000", "GPIO12"),
        ("dtoverlay=gpio-fan", "GPIO12"),
        ("dtoverlay=gpio-ir,gpio_pin=26", "GPIO26"),
        ("dtoverlay=w1-gpio-pullup", "GPIO5"),
        ("dtoverlay=rotary-encoder,pin_a=5,pin_b=22", "GPIO5"),
        ("dtoverlay=dht11,gpiopin=0x6", "GPIO6"),
        ("dtoverlay=i2c-gpio,bus=3,i2c_gpio_sda=5,i2c_gpio_scl=7", "GPIO5"),
        ("dtoverlay=spi1-3cs", "GPIO16"),
        ("dtoverlay=spi0-2cs,cs0_pin=26", "GPIO26"),
        ("dtoverlay=dpi24", "GPIO5"),
        ("dtoverlay=vga666", "GPIO20"),
        ("dtoverlay=uart5", "GPIO12"),
        ("dtoverlay=hifiberry-dac", "GPIO20"),
        ("dtoverlay=mcp2515-can0,oscillator=16000000,interrupt=26", "GPIO26"),
        ("dtoverlay=pwm-2chan,pin=12,func=4,pin2=13,func2=4", "GPIO12"),
        ("dtoverlay=gpio-key,gpio=6,keycode=28  # a key", "GPIO6"),
        ("dtoverlay=some-new-hat,reset_gpio=20", "GPIO20"),
        ("dtoverlay=some-new-hat:led_pin=21", "GPIO21"),
        ("dtoverlay=gpio-shutdown", "GPIO3"),
        ("dtparam=i2s=on", "GPIO20"),
        ("dtparam=audio=on,i2s", "GPIO21"),
        ("dtoverlay=i2c-rtc,ds3231", "0x68 for ds3231"),
        ("dtoverlay=i2c-rtc,wakeup-source,ds1307", "0x68 for ds1307"),
        ("dtoverlay=mpu6050", "kernel's own driver"),
        ("dtparam=spi=on,i2c_arm=off", "switches the sensor's bus off"),
    ],
)
def test_a_line_in_the_way_is_named(line: str, named: str) -> None:
    (found,) = conflicts(f"[all]\n{line}\n".encode(), WIRED)
    assert found.line == 2
    assert named in found.problem


@pytest.mark.parametrize(
    "line",
    [
        "dtoverlay=vc4-kms-v3d",
        "dtparam=audio=on",
        "dtparam=spi=on",
        "dtparam=i2c_arm=on,i2c_arm_baudrate=400000",
        "dtoverlay=gpio-fan,gpiopin=14,temp=60000",
        "dtoverlay=i2c-rtc,pcf8563",
        "dtoverlay=i2c-rtc,ds3231,i2c0",
        "dtoverlay=disable-wifi",
        "dtoverlay=w1-gpio",
        "#dtoverlay=dpi24",
        "gpu_mem=16",
        "",
    ],
)
def test_a_line_that_takes_nothing_of_harpis_is_left_alone(line: str) -> None:
    assert conflicts(f"{line}\n".encode(), WIRED) == []


def test_a_clock_leaves_the_other_address_alone() -> None:
    config = build({"sensor": {"address": 0x69}})
    assert conflicts(b"dtoverlay=i2c-rtc,ds3231\n", config) == []


def test_numbers_that_are_no_pins_take_none() -> None:
    (taken,) = taken_by("dtoverlay=gpio-fan,gpiopin=14,temp=5")
    assert taken.pins == {14}
