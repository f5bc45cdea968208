"""`harpi pinout`: what of this configuration goes to which pin of the header."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from harpi.cli.options import Assignments, ConfigFile, load_settings

if TYPE_CHECKING:
    from rich.text import Text

    from harpi.config.schema import Config

ADDRESS_WITH_AD0_HIGH: Final = 0x69

_SENSOR, _BUTTON, _LED, _FREE = "sensor", "button", "LED", ""
_STYLES: Final = {
    _SENSOR: "bold cyan",
    _BUTTON: "bold yellow",
    _LED: "bold magenta",
    _FREE: "dim",
}
_SUPPLIES: Final = {"3V3": "yellow", "5V": "red"}
_MIDDLE: Final = 25
"""Characters of the header itself."""
_SIDE: Final = 26
"""Characters for what is wired to a pin, left and right of the header."""


@dataclass(frozen=True, slots=True)
class Pin:
    """One position of the header.

    Attributes:
        header: position as one counts it on the board, from 1.
        name: `3V3`, `5V`, `GND` or the GPIO line.
        kind: what is wired to it: `sensor`, `button`, `LED`, or empty.
        use: what exactly; empty where nothing is.
        enabled: the configuration has it switched on.
    """

    header: int
    name: str
    kind: str = _FREE
    use: str = ""
    enabled: bool = True


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(pinout)


def pinout(
    config: ConfigFile = None,
    assignments: Assignments = None,
    json: Annotated[bool, typer.Option("--json", help="All 40 pins, as JSON.")] = False,
) -> None:
    """Draw the 40-pin header with what this configuration wires to it.

    The header is drawn with pin 1 at the upper left: hold the Pi so that the header is at
    its right edge and the USB ports point down.

    Example: harpi pinout --set sensor.address=0x69
    """
    settings = load_settings(config, assignments).config
    pins = wiring(settings)
    if json:
        import msgspec

        typer.echo(msgspec.json.encode([asdict(pin) for pin in pins]))
        return
    from harpi.cli.console import console_on

    console = console_on(sys.stdout)
    plain = console.options.ascii_only
    for line in drawing(settings, pins, console.width, plain=plain):
        console.print(line, no_wrap=True, overflow="ellipsis", crop=True)


def wiring(config: Config) -> list[Pin]:
    """Say what is wired to each of the 40 pins.

    Lines are where the configuration puts them; supplies are as in
    `firmware_config/pins.toml`, and AD0 as the sensor's address wants it.
    """
    from harpi.controls.header import I2C, PLACES, POSITIONS, name_of

    supplies = _supplies()
    uses: dict[int, Pin] = {}

    def put(position: int, kind: str, use: str, *, enabled: bool = True) -> None:
        uses[position] = Pin(position, name_of(position), kind, use, enabled)

    buttons, leds, sensor = config.buttons, config.leds, config.sensor
    pressed = list(zip(config.learning.labels, buttons.labels, strict=False))
    for role, line in (*pressed, ("train", buttons.train), ("undo", buttons.undo)):
        if line is not None:
            put(PLACES[line], _BUTTON, f"button {role}", enabled=buttons.enabled)
    put(supplies["buttons"]["ground"], _BUTTON, "buttons' other side", enabled=buttons.enabled)

    lit = (("recording", leds.recording), ("training", leds.training), ("status", leds.status))
    for role, line in lit:
        if line is not None:
            put(PLACES[line], _LED, f"LED {role}", enabled=leds.enabled)
    put(supplies["leds"]["ground"], _LED, "LEDs' other side", enabled=leds.enabled)

    places = supplies["sensor"]
    ad0 = "ad0_high" if sensor.address == ADDRESS_WITH_AD0_HIGH else "ad0"
    put(places["vcc"], _SENSOR, "sensor VCC")
    put(places["gnd"], _SENSOR, "sensor GND")
    put(places[ad0], _SENSOR, f"sensor AD0 ({sensor.address:#x})")
    for role, line in zip(("SDA", "SCL"), I2C.get(sensor.bus, ()), strict=False):
        put(PLACES[line], _SENSOR, f"sensor {role}")

    return [
        uses.get(position, Pin(position, name_of(position)))
        for position in range(1, len(POSITIONS) + 1)
    ]


def _supplies() -> dict[str, dict[str, int]]:
    """Read the positions of all supplies from the wiring that ships with harpi."""
    import tomllib

    from harpi import shipped

    parts: dict[str, Any] = tomllib.loads(
        shipped.path("firmware_config/pins.toml").read_text(encoding="utf-8")
    )
    return {
        part: {role: place["header"] for role, place in roles.items() if "supply" in place}
        for part, roles in parts.items()
    }


def drawing(config: Config, pins: list[Pin], width: int, *, plain: bool = False) -> list[Text]:
    """Draw the header: a line for each pair of pins, and what one has to know.

    Args:
        config: what is wired.
        pins: all 40, as from `wiring`.
        width: characters in a line.
        plain: use ASCII alone.
    """
    from rich.text import Text

    from harpi.controls.header import I2C

    side = max(10, min(_SIDE, (width - _MIDDLE) // 2))
    lines = [Text(f"{'corner of the board':^{2 * side + _MIDDLE}}".rstrip(), "dim")]
    for left, right in zip(pins[::2], pins[1::2], strict=True):
        line = Text()
        line.append_text(_use(left, side, "right"))
        line.append(f" {left.name:>6} {left.header:>2} ", _style(left))
        line.append_text(_dot(left, plain=plain)).append(" ")
        line.append_text(_dot(right, plain=plain))
        line.append(f" {right.header:<2} {right.name:<6} ", _style(right))
        line.append_text(_use(right, side, "left"))
        line.rstrip()
        lines.append(line)
    lines.append(Text("Button: pin to ground. LED: pin, 330 ohm, LED, ground."))
    off = [
        f"{part}.enabled"
        for part, section in (("buttons", config.buttons), ("leds", config.leds))
        if not section.enabled
    ]
    if off:
        lines.append(Text(f"(off) is drawn, but not used: {' and '.join(off)} = false."))
    if config.sensor.bus not in I2C:
        bus = f"/dev/i2c-{config.sensor.bus}"
        lines.append(Text(f"SDA and SCL of {bus} are where its overlay has them."))
    return lines


def _use(pin: Pin, width: int, side: Literal["left", "right"]) -> Text:
    """Say what is wired to a pin, in exactly `width` characters."""
    from rich.text import Text

    from harpi.cli.console import clean

    off = "" if pin.enabled else " (off)"
    use = Text(clean(pin.use), _style(pin))
    use.truncate(width - len(off), overflow="ellipsis")
    use.append(off)
    use.align(side, width)
    return use


def _style(pin: Pin) -> str:
    return _STYLES[pin.kind] if pin.enabled else "dim"


def _dot(pin: Pin, *, plain: bool) -> Text:
    """Draw the pin itself, in the colour of its supply or of its use."""
    from rich.text import Text

    used, free = ("*", "o") if plain else ("●", "○")
    return Text(used if pin.use else free, _SUPPLIES.get(pin.name) or _style(pin))
