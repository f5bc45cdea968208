"""The 40-pin header, what is wired to each position, and a drawing of it.

There is one place for the pins: lines are where the configuration has them, supplies where
`firmware_config/pins.toml` has them, and the header itself is the same on every Pi. The
drawings of `harpi pinout`, the block in config.txt and the tables in the documentation are
made from this.

Position 1 is at the corner of the board that is far from the USB ports; odd positions are in
the inner row, even ones in the row at the edge (Raspberry Pi documentation, "GPIO and the
40-pin header").

Every line of it comes from `harpi.controls.wiring`, so it cannot show anything that
`harpi pinout` does not. Symbols are those of circuit diagrams; everything that ends in the
symbol of ground is connected.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from html import escape
from typing import Final, Literal, NamedTuple

from harpi import shipped
from harpi.config.schema import Config

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


POSITIONS: Final[tuple[int | str, ...]] = (
    "3V3", "5V",
    2, "5V",
    3, "GND",
    4, 14,
    "GND", 15,
    17, 18,
    27, "GND",
    22, 23,
    "3V3", 24,
    10, "GND",
    9, 25,
    11, 8,
    "GND", 7,
    0, 1,
    5, "GND",
    6, 12,
    13, "GND",
    19, 16,
    26, 20,
    "GND", 21,
)  # fmt: skip
"""What is at each position, the first at index 0: the number of a GPIO line (BCM), or the
name of a supply."""

PLACES: Final[dict[int, int]] = {
    what: position for position, what in enumerate(POSITIONS, start=1) if isinstance(what, int)
}
"""Position of each GPIO line."""

I2C: Final[dict[int, tuple[int, int]]] = {0: (0, 1), 1: (2, 3)}
"""GPIO lines of SDA and SCL, for the buses that have a place of their own; any other is where
its overlay puts it."""


def name_of(position: int) -> str:
    """Name what is at a position: `3V3`, `5V`, `GND`, or a line as `GPIO17`."""
    what = POSITIONS[position - 1]
    return what if isinstance(what, str) else f"GPIO{what}"


PITCH: Final = 36
"""Pixels from one row of the header to the next; symbols are lower than half of it above
and below, so that a wire can pass between two of them."""

_TOP: Final = 64

_MIDDLE: Final = 480

_COLUMN: Final = 22
"""From the middle to the centre of each column of pins."""

_EDGE: Final = 84
"""From the middle to where the header's own names end."""

_SENSOR: Final = 384
"""From the middle to the edge of the sensor's board."""

_SIZE: Final = (2 * _MIDDLE, _TOP + 20 * PITCH + 20)

_COLOURS: Final = {"sensor": "#0b7285", "button": "#b35900", "LED": "#862e9c", "": "#adb5bd"}

_SUPPLIES: Final = {"3V3": "#e8590c", "5V": "#c92a2a", "GND": "#212529"}

Side = Literal[-1, 1]


class _Point(NamedTuple):
    x: float
    y: float


def wiring_svg(config: Config) -> str:
    """Draw what a configuration wires to the header.

    Returns:
        An SVG document that needs nothing from elsewhere.
    """
    pins = wiring(config)
    width, height = _SIZE
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" font-family="sans-serif" font-size="14" '
            'stroke-linecap="round" stroke-linejoin="round">'
        ),
        "<title>Wiring of harpi to the 40-pin header of a Raspberry Pi</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        _text(_Point(_MIDDLE, 24), "corner of the board", colour="#868e96"),
        (
            f'<rect x="{_MIDDLE - 44}" y="{_TOP - PITCH / 2}" width="88" height="{20 * PITCH}" '
            'rx="6" fill="#dee2e6"/>'
        ),
        *_sensor([pin for pin in pins if pin.kind == "sensor"]),
    ]
    for pin in pins:
        parts += _names(pin)
        if pin.kind in ("button", "LED"):
            parts += _lead(pin)
    parts += _notes(config, _Point(_MIDDLE, _TOP + 20 * PITCH + 6))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _place(pin: Pin) -> tuple[_Point, Side]:
    """Centre of a pin, and the side of the header that it is on."""
    row, right = divmod(pin.header - 1, 2)
    side: Side = 1 if right else -1
    return _Point(_MIDDLE + side * _COLUMN, _TOP + row * PITCH), side


def _names(pin: Pin) -> list[str]:
    """Draw the pin itself, its number and its name."""
    centre, side = _place(pin)
    colour = _SUPPLIES.get(pin.name) or _colour(pin)
    name = _text(
        _Point(_MIDDLE + side * (_EDGE - 34), centre.y),
        pin.name,
        colour="#212529" if pin.use else "#868e96",
        size=11,
        anchor="start" if side > 0 else "end",
    )
    return [
        f'<circle cx="{centre.x}" cy="{centre.y}" r="11" fill="{colour}" stroke="#ffffff"/>',
        _text(centre, str(pin.header), colour="#ffffff", size=11),
        # Upon a white band, which keeps it apart from a wire that passes below it.
        f'<g stroke="#ffffff" stroke-width="6" paint-order="stroke">{name}</g>',
    ]


def _lead(pin: Pin) -> list[str]:
    """Draw what a button or an LED has between its pin and ground."""
    centre, side = _place(pin)
    y, colour = centre.y, _colour(pin)

    def at(distance: float) -> float:
        return _MIDDLE + side * distance

    begin, symbol, end = at(_EDGE + 16), at(_EDGE + 40), at(_EDGE + 100)
    if pin.name == "GND":
        drawn = [_wire(colour, (begin, y), (symbol, y)), _ground(_Point(symbol, y), side)]
        label = at(_EDGE + 64)
    elif pin.kind == "button":
        drawn = [
            _wire(colour, (begin, y), (symbol, y)),
            _wire(colour, (symbol, y), (at(_EDGE + 68), y - 11)),
            f'<circle cx="{symbol}" cy="{y}" r="3" fill="{colour}"/>',
            f'<circle cx="{at(_EDGE + 70)}" cy="{y}" r="3" fill="{colour}"/>',
            _wire(colour, (at(_EDGE + 70), y), (end, y)),
            _ground(_Point(end, y), side),
        ]
        label = at(_EDGE + 124)
    else:
        left, tip = at(_EDGE + 72), at(_EDGE + 86)
        resistor = min(at(_EDGE + 28), at(_EDGE + 62))
        drawn = [
            _wire(colour, (begin, y), (end, y)),
            (
                f'<rect x="{resistor}" y="{y - 6}" width="34" height="12" fill="#ffffff" '
                f'stroke="{colour}" stroke-width="2"/>'
            ),
            _text(_Point(at(_EDGE + 45), y), "330", colour=colour, size=10),
            f'<path d="M{left} {y - 8}V{y + 8}L{tip} {y}Z" fill="{colour}"/>',
            _wire(colour, (tip, y - 8), (tip, y + 8)),
            _ground(_Point(end, y), side),
        ]
        label = at(_EDGE + 124)
    use = pin.use if pin.enabled else f"{pin.use} (off)"
    anchor = "start" if side > 0 else "end"
    return [*drawn, _text(_Point(label, y), use, colour=colour, anchor=anchor)]


def _sensor(pins: list[Pin]) -> list[str]:
    """Draw the sensor's board at the left, with a wire to each of its pins.

    A wire from the right column passes below its own row, between the pins.
    """
    edge = _MIDDLE - _SENSOR
    colour = _COLOURS["sensor"]
    drawn, rows = [], []
    for pin in pins:
        centre, side = _place(pin)
        y = centre.y if side < 0 else centre.y + PITCH / 2
        rows.append(y)
        points = [(edge, y), (centre.x - 11, y)]
        if side > 0:
            points = [(edge, y), (centre.x, y), (centre.x, centre.y + 11)]
        wire = _SUPPLIES.get(pin.name, colour)
        drawn.append(_wire(wire, *points))
        drawn.append(f'<circle cx="{edge}" cy="{y}" r="4" fill="{wire}"/>')
        name = pin.use.removeprefix("sensor ")
        drawn.append(_text(_Point(edge - 10, y), name, colour="#ffffff", size=12, anchor="end"))
    top, bottom = min(rows) - 26, max(rows) + 34
    board = (
        f'<rect x="{edge - 76}" y="{top}" width="80" height="{bottom - top}" rx="6" '
        f'fill="{colour}"/>'
    )
    name = _text(_Point(edge - 36, bottom + 14), "MPU-6050", colour=colour)
    return [board, *drawn, name]


def _notes(config: Config, at: _Point) -> list[str]:
    """Say what the drawing cannot show."""
    notes = ["330: resistor, ohms. All grounds are connected."]
    if config.sensor.bus not in I2C:
        notes.append(f"SDA and SCL of /dev/i2c-{config.sensor.bus} are where its overlay is.")
    return [
        _text(_Point(at.x, at.y + 18 * line), note, colour="#495057", size=12)
        for line, note in enumerate(notes)
    ]


def _ground(at: _Point, side: Side) -> str:
    """Draw the symbol of ground, lying on its side."""
    bars = "".join(
        f"M{at.x + side * 5 * step} {at.y - height}v{2 * height}"
        for step, height in enumerate((9, 6, 3))
    )
    return f'<path d="{bars}" stroke="{_SUPPLIES["GND"]}" stroke-width="2" fill="none"/>'


def _colour(pin: Pin) -> str:
    return _COLOURS[pin.kind] if pin.enabled or not pin.kind else "#868e96"


def _wire(colour: str, *points: tuple[float, float]) -> str:
    line = " ".join(f"{x},{y}" for x, y in points)
    return f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _text(at: _Point, text: str, *, colour: str, size: int = 14, anchor: str = "middle") -> str:
    return (
        f'<text x="{at.x}" y="{at.y}" fill="{colour}" font-size="{size}" '
        f'text-anchor="{anchor}" dominant-baseline="central">{escape(text)}</text>'
    )
