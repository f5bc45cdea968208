"""What an overlay of config.txt takes: pins, a bus, an address on it.

By the README of the firmware's overlays (github.com/raspberrypi/firmware, boot/overlays). Any
option of an overlay that names a pin is read, so that one that is not in the table is judged
as well; the table has what an overlay takes without being told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

LAST_PIN: Final = 27
"""The highest line of the 40-pin header."""

_SPI0: Final = (9, 10, 11)
_SPI1: Final = (19, 20, 21)
_I2S: Final = (18, 19, 20, 21)
_DPI: Final = tuple(range(28))

FIXED: Final[dict[str, tuple[int, ...]]] = {
    "dpi18": tuple(range(22)),
    "dpi18cpadhi": (*range(10), *range(12, 18), *range(20, 26)),
    "dpi24": _DPI,
    "vga666": tuple(range(22)),
    "hy28a": (*_SPI0, 7, 8, 17, 18, 25),
    "hy28b": (*_SPI0, 7, 8, 17, 18, 25),
    "pitft22": (*_SPI0, 8, 25),
    "pitft28-capacitive": (*_SPI0, 8, 24, 25),
    "pitft28-resistive": (*_SPI0, 7, 8, 24, 25),
    "pitft35-resistive": (*_SPI0, 7, 8, 24, 25),
    "piscreen": (*_SPI0, 7, 8, 17, 22, 24, 25),
    "rpi-display": (*_SPI0, 7, 8, 18, 23, 24, 25),
    "sdio": tuple(range(22, 28)),
    "sdtweak": (),
    "smi": _DPI,
    "smi-nand": _DPI,
    "enc28j60": (*_SPI0, 8, 25),
    "enc28j60-spi2": (),
    "hifiberry-amp": _I2S,
    "hifiberry-dac": _I2S,
    "hifiberry-dacplus": _I2S,
    "hifiberry-digi": _I2S,
    "i2s-mmap": _I2S,
    "i2s-dac": _I2S,
    "iqaudio-dac": _I2S,
    "iqaudio-dacplus": _I2S,
    "iqaudio-codec": _I2S,
    "googlevoicehat-soundcard": _I2S,
    "justboom-dac": _I2S,
    "allo-boss-dac-pcm512x-audio": _I2S,
    "wm8960-soundcard": _I2S,
    "jedec-spi-nor": (*_SPI0, 8),
    "spi-rtc": (*_SPI0, 8),
    "mz61581": (*_SPI0, 8, 15, 18, 25),
    "tinylcd35": (*_SPI0, 7, 8, 5, 24, 25),
    "waveshare-can-fd-hat-mode-a": (*_SPI0, 7, 8, 24, 25),
    "seeed-can-fd-hat-v2": (*_SPI0, 7, 8, 24, 25),
    "adafruit18": (*_SPI0, 8, 24, 25),
    "adafruit-st7735r": (*_SPI0, 8, 24, 25),
    "fbtft": _SPI0,
    "ssd1331-spi": (*_SPI0, 8, 24, 25),
    "ssd1351-spi": (*_SPI0, 8, 24, 25),
    "w5500": (*_SPI0, 8, 25),
    "qca7000": (*_SPI0, 8, 23),
    "uart0": (14, 15),
    "uart1": (14, 15),
    "miniuart-bt": (14, 15),
    "pi3-miniuart-bt": (14, 15),
    "disable-bt": (14, 15),
    "uart2": (0, 1),
    "uart3": (4, 5),
    "uart4": (8, 9),
    "uart5": (12, 13),
    "i2c0": (0, 1),
    "i2c1": (2, 3),
    "i2c2": (0, 1),
    "i2c3": (4, 5),
    "i2c4": (8, 9),
    "i2c5": (12, 13),
    "i2c6": (22, 23),
    "spi2-1cs": (),
    "spi3-1cs": (0, 1, 2, 3),
    "spi3-2cs": (0, 1, 2, 3, 24),
    "spi4-1cs": (4, 5, 6, 7),
    "spi4-2cs": (4, 5, 6, 7, 25),
    "spi5-1cs": (12, 13, 14, 15),
    "spi5-2cs": (12, 13, 14, 15, 26),
    "spi6-1cs": (18, 19, 20, 21),
    "spi6-2cs": (18, 19, 20, 21, 27),
    "spi0-0cs": _SPI0,
    "pwm1": (),
}
"""Pins that an overlay takes whatever its options say."""

DEFAULTS: Final[dict[str, dict[str, int]]] = {
    "gpio-shutdown": {"gpio_pin": 3},
    "gpio-poweroff": {"gpiopin": 26},
    "gpio-ir": {"gpio_pin": 18},
    "gpio-ir-tx": {"gpio_pin": 18},
    "pwm-ir-tx": {"gpio_pin": 18},
    "gpio-fan": {"gpiopin": 12},
    "gpio-led": {},
    "gpio-key": {"gpio": 3},
    "gpio-charger": {"gpio": 4},
    "w1-gpio": {"gpiopin": 4},
    "w1-gpio-pullup": {"gpiopin": 4, "extpullup": 5},
    "i2c-gpio": {"i2c_gpio_sda": 23, "i2c_gpio_scl": 24},
    "dht11": {"gpiopin": 4},
    "pps-gpio": {"gpiopin": 18},
    "rotary-encoder": {"pin_a": 4, "pin_b": 17},
    "hd44780-lcd": {
        "pin_d4": 6,
        "pin_d5": 13,
        "pin_d6": 19,
        "pin_d7": 26,
        "pin_en": 21,
        "pin_rs": 20,
    },
    "pwm": {"pin": 18},
    "pwm-2chan": {"pin": 18, "pin2": 19},
    "pwm-gpio": {"gpio": 4},
    "pwm-gpio-fan": {"fan_gpio": 13},
    "audremap": {"pin": 18, "pin2": 19},
    "spi0-1cs": {"cs0_pin": 8},
    "spi0-2cs": {"cs0_pin": 8, "cs1_pin": 7},
    "spi1-1cs": {"cs0_pin": 18},
    "spi1-2cs": {"cs0_pin": 18, "cs1_pin": 17},
    "spi1-3cs": {"cs0_pin": 18, "cs1_pin": 17, "cs2_pin": 16},
    "mcp2515-can0": {"interrupt": 25},
    "mcp2515-can1": {"interrupt": 25},
    "mcp2515": {"interrupt": 25},
    "mcp251xfd": {"interrupt": 25},
    "ads7846": {"penirq": 25},
    "sc16is750-i2c": {"int_pin": 24},
    "sc16is752-i2c": {"int_pin": 24},
    "sc16is752-spi1": {"int_pin": 24},
    "mcp23017": {"gpiopin": 4},
    "mcp23s17": {},
    "goodix": {"interrupt": 4, "reset": 17},
    "edt-ft5406": {},
    "ghost-amp": {"reset": 17},
    "tpm-slb9670": {},
    "cap1106": {"int_pin": 4},
    "max98357a": {"sdmode-pin": 4},
    "mmc-spi": {},
}
"""Pins that an overlay takes where its options name no others, by option."""

_BUILT_ON: Final[dict[str, tuple[int, ...]]] = {
    "spi0-1cs": _SPI0,
    "spi0-2cs": _SPI0,
    "spi1-1cs": _SPI1,
    "spi1-2cs": _SPI1,
    "spi1-3cs": _SPI1,
    "mcp2515-can0": (*_SPI0, 8),
    "mcp2515-can1": (*_SPI0, 7),
    "ads7846": _SPI0,
    "sc16is752-spi1": (*_SPI1, 18),
    "mcp23s17": _SPI0,
    "tpm-slb9670": (*_SPI0, 7),
    "mmc-spi": _SPI0,
    "max98357a": _I2S,
}
"""Pins of the bus that an overlay with options uses besides."""

_PIN_OPTION: Final = re.compile(
    r"(?:.*[_-])?(?:gpio|pin)(?:pin|s)?(?:[_-]?(?:pin|[a-z0-9]{1,3}))?[0-9]*"
    r"|i2c_gpio_(?:sda|scl)|(?:tx|rx|cts|rts)d?[0-9]?_pin|int(?:errupt|_pin)?|penirq|reset"
    r"|extpullup|sda|scl|drdy|rst|irq|led|fan_gpio|cs[0-9]_pin"
)
"""Options whose number is that of a line, by how such options are called in the README."""
_NO_PIN: Final = frozenset({"gpio_pull", "gpio_out_pin_count", "int_rate"})

AT_0X68: Final = frozenset(
    {"ds1307", "ds1337", "ds1338", "ds1339", "ds1340", "ds3231", "ds3232", "m41t62", "m41t0"}
    | {"m41t00", "pcf85263", "isl1208", "bq32000", "abx80x", "rv1805"}
)
"""Clocks of the overlay i2c-rtc whose chip answers at 0x68, or 0x69 or 0x6F beside it."""

_AT: Final[dict[str, int]] = {
    **dict.fromkeys(AT_0X68, 0x68),
    "abx80x": 0x69,
    "rv1805": 0x69,
    "isl1208": 0x6F,
    "pcf85263": 0x51,
}

IMU: Final = frozenset({"mpu6050", "mpu9250"})


@dataclass(frozen=True, slots=True)
class Taken:
    """What one line of config.txt takes.

    Attributes:
        overlay: its name, or that of the parameter.
        pins: lines of the header.
        addresses: on the bus, by which device has it.
        bus: number of the bus of these, where the line says so.
    """

    overlay: str
    pins: frozenset[int]
    addresses: dict[int, str]
    bus: int = 1


def taken_by(line: str) -> Iterator[Taken]:
    """Tell what a line of config.txt takes; nothing where it is no overlay or parameter.

    Args:
        line: without its comment.
    """
    key, _, rest = line.partition("=")
    parts = [part.strip() for part in rest.replace(":", ",", 1).split(",")]
    if key.strip() == "dtoverlay" and parts[0]:
        yield _of_overlay(parts[0], [option for option in parts[1:] if option])
    elif key.strip() in ("dtparam", "device_tree_param"):
        for option in rest.split(","):
            name, _, value = option.strip().partition("=")
            pins = _of_parameter(name, value)
            if pins:
                yield Taken(name, frozenset(pins), {})


def _of_overlay(name: str, options: list[str]) -> Taken:
    pins = set(FIXED.get(name, ()) or _BUILT_ON.get(name, ()))
    named = dict(DEFAULTS.get(name, {}))
    addresses: dict[int, str] = {}
    bus = 1
    stated_address = None
    for option in options:
        key, _, value = option.partition("=")
        key, number = key.strip(), _number(value)
        if number is None:
            if key in _AT or key in AT_0X68:
                addresses[_AT[key]] = key
            if match := re.fullmatch(r"i2c(?:_csi_dsi)?([0-9])", key):
                bus = int(match[1])
            if match := re.fullmatch(r"pins_([0-9]+)_([0-9]+)", key):
                pins = {int(match[1]), int(match[2])}
        elif key in ("addr", "reg"):
            stated_address = number
        elif key in named or (key not in _NO_PIN and _PIN_OPTION.fullmatch(key)):
            named[key] = number
    if name in IMU:
        addresses[0x68] = name
    if stated_address is not None:
        what = next(iter(addresses.values()), name)
        addresses = {stated_address: what}
    pins |= set(named.values())
    return Taken(name, frozenset(pin for pin in pins if pin <= LAST_PIN), addresses, bus)


def _of_parameter(name: str, value: str) -> tuple[int, ...]:
    """Pins of a parameter of the board itself."""
    if value.strip() not in ("", "on", "yes", "true", "1"):
        return ()
    return {
        "spi": (*_SPI0, 7, 8),
        "i2s": _I2S,
        "uart0": (14, 15),
        "uart1": (14, 15),
        "i2c_vc": (0, 1),
        "i2c0": (0, 1),
        "audio_pins": (18, 19),
    }.get(name.strip(), ())


def _number(value: str) -> int | None:
    try:
        return int(value.strip(), 0)
    except ValueError:
        return None
