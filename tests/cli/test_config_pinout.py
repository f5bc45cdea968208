"""`harpi pinout`: the wiring of a configuration on the header."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harpi.cli.config import drawing
from harpi.config.loading import build
from harpi.controls.wiring import PLACES, POSITIONS, Pin, wiring
from tests.support.command import harpi


def used(**settings: object) -> dict[int, Pin]:
    values = {key.replace("__", "."): value for key, value in settings.items()}
    return {pin.header: pin for pin in wiring(build(values)) if pin.use}


def drawn(width: int = 80, *, plain: bool = False, **settings: object) -> list[str]:
    config = build({key.replace("__", "."): value for key, value in settings.items()})
    return [line.plain for line in drawing(config, wiring(config), width, plain=plain)]


def test_the_header_has_28_lines_and_12_supplies() -> None:
    assert len(POSITIONS) == 40
    assert sorted(PLACES) == list(range(28))
    supplies = {
        name: [n for n, what in enumerate(POSITIONS, start=1) if what == name]
        for name in ("3V3", "5V", "GND")
    }
    assert supplies == {
        "3V3": [1, 17],
        "5V": [2, 4],
        "GND": [6, 9, 14, 20, 25, 30, 34, 39],
    }


def test_the_sensor_is_on_bus_1_with_ad0_to_ground() -> None:
    pins = {n: pin.use for n, pin in used().items() if pin.kind == "sensor"}
    assert pins == {
        1: "sensor VCC",
        3: "sensor SDA",
        5: "sensor SCL",
        6: "sensor GND",
        9: "sensor AD0 (0x68)",
    }


def test_the_other_address_and_the_other_bus_are_other_pins() -> None:
    pins = used(sensor__address=0x69, sensor__bus=0)
    assert pins[17].use == "sensor AD0 (0x69)"
    assert (pins[27].use, pins[28].use) == ("sensor SDA", "sensor SCL")
    assert not {3, 5, 9} & set(pins)


def test_where_an_overlay_puts_the_bus_is_not_guessed() -> None:
    assert "sensor SDA" not in {pin.use for pin in used(sensor__bus=3).values()}
    assert "SDA and SCL of /dev/i2c-3 are where its overlay has them." in drawn(sensor__bus=3)


def test_buttons_have_their_labels_and_are_where_the_configuration_has_them() -> None:
    pins = used(
        learning__labels=["rowing", "resting"],
        buttons__labels=[22, 23, 24],
        buttons__undo=None,
        buttons__enabled=True,
    )
    buttons = {pin.name: pin.use for pin in pins.values() if pin.kind == "button"}
    assert buttons == {
        "GPIO22": "button rowing",
        "GPIO23": "button resting",
        "GPIO26": "button train",
        "GND": "buttons' other side",
    }
    assert all(pin.enabled for pin in pins.values() if pin.kind == "button")


def test_a_line_of_the_sensor_is_the_sensors_whatever_is_switched_off_beside_it() -> None:
    assert used(buttons__train=2)[3].use == "sensor SDA"


def test_it_fits_80_by_24_with_a_prompt_below() -> None:
    longest = ["ä" * 48, "漢" * 48, "walking", "running"]
    for settings in ({}, {"learning__labels": longest}, {"buttons__enabled": True}):
        lines = drawn(**settings)
        assert len(lines) <= 23
        assert max(len(line) for line in lines) <= 80


def test_what_is_off_is_said_without_colours() -> None:
    assert any("button walking (off)" in line for line in drawn())
    on = drawn(buttons__enabled=True, leds__enabled=True)
    assert not any("(off)" in line for line in on)


def test_narrow_and_plain() -> None:
    lines = drawn(50, plain=True)
    assert max(len(line) for line in lines[:21]) <= 50
    assert not set("".join(lines[:21])) & set("●○")


def test_in_a_pipe_there_are_no_colours() -> None:
    done = harpi("pinout", COLUMNS="80")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert "sensor SDA  GPIO2  3 ● ○ 4  5V" in done.stdout


@pytest.mark.parametrize("position", [1, 29, 40])
def test_for_machines(position: int) -> None:
    pins: list[dict[str, Any]] = json.loads(harpi("pinout", "--json").stdout)
    assert [pin["header"] for pin in pins] == list(range(1, 41))
    expected = {
        1: ("3V3", "sensor", "sensor VCC", True),
        29: ("GPIO5", "button", "button walking", False),
        40: ("GPIO21", "LED", "LED status", False),
    }
    pin = pins[position - 1]
    assert (pin["name"], pin["kind"], pin["use"], pin["enabled"]) == expected[position]
