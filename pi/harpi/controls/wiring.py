"""What is wired to each position of the header.

There is one place for the pins: lines are where the configuration has them, supplies where
`firmware_config/pins.toml` has them, and the header itself is the same on every Pi. The
drawings of `harpi pinout`, the block in config.txt and the tables in the documentation are
made from this.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import Final, Literal

from harpi import shipped
from harpi.config.schema import Config
from harpi.controls.header import I2C, PLACES, POSITIONS, name_of

ADDRESS_WITH_AD0_HIGH: Final = 0x69

Kind = Literal["sensor", "button", "LED", ""]
"""What a pin is for; empty where nothing is wired to it."""


@dataclass(frozen=True, slots=True)
class Pin:
    """One position of the header.

    Attributes:
        header: position as one counts it on the board, from 1.
        name: `3V3`, `5V`, `GND` or the GPIO line.
        kind: what is wired to it.
        use: what exactly; empty where nothing is.
        enabled: the configuration has it switched on.
    """

    header: int
    name: str
    kind: Kind = ""
    use: str = ""
    enabled: bool = True


def wiring(config: Config) -> list[Pin]:
    """Say what is wired to each of the 40 pins.

    AD0 goes where the sensor's address wants it.
    """
    supplies = _supplies()
    uses: dict[int, Pin] = {}

    def put(position: int, kind: Kind, use: str, *, enabled: bool = True) -> None:
        uses[position] = Pin(position, name_of(position), kind, use, enabled)

    buttons, leds, sensor = config.buttons, config.leds, config.sensor
    pressed = list(zip(config.learning.labels, buttons.labels, strict=False))
    for role, line in (*pressed, ("train", buttons.train), ("undo", buttons.undo)):
        if line is not None:
            put(PLACES[line], "button", f"button {role}", enabled=buttons.enabled)
    put(supplies["buttons"]["ground"], "button", "buttons' other side", enabled=buttons.enabled)

    lit = (("recording", leds.recording), ("training", leds.training), ("status", leds.status))
    for role, line in lit:
        if line is not None:
            put(PLACES[line], "LED", f"LED {role}", enabled=leds.enabled)
    put(supplies["leds"]["ground"], "LED", "LEDs' other side", enabled=leds.enabled)

    places = supplies["sensor"]
    ad0 = "ad0_high" if sensor.address == ADDRESS_WITH_AD0_HIGH else "ad0"
    put(places["vcc"], "sensor", "sensor VCC")
    put(places["gnd"], "sensor", "sensor GND")
    put(places[ad0], "sensor", f"sensor AD0 ({sensor.address:#x})")
    for role, line in zip(("SDA", "SCL"), I2C.get(sensor.bus, ()), strict=False):
        put(PLACES[line], "sensor", f"sensor {role}")

    return [
        uses.get(position, Pin(position, name_of(position)))
        for position in range(1, len(POSITIONS) + 1)
    ]


def button_lines(config: Config) -> list[int]:
    """Give the lines that buttons are wired to, in rising order."""
    buttons = config.buttons
    lines = (*buttons.labels, buttons.train, buttons.undo)
    return sorted(line for line in lines if line is not None)


def led_lines(config: Config) -> list[int]:
    """Give the lines that LEDs are wired to, in rising order."""
    leds = config.leds
    lines = (leds.recording, leds.training, leds.status)
    return sorted(line for line in lines if line is not None)


def _supplies() -> dict[str, dict[str, int]]:
    """Read the positions of the supplies from the wiring that ships with harpi."""
    text = shipped.path("firmware_config/pins.toml").read_text(encoding="utf-8")
    supplies: dict[str, dict[str, int]] = tomllib.loads(text)
    return supplies
