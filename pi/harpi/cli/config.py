"""`harpi config`, `harpi schema`, `harpi pinout`: what is set and how it is wired."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from harpi.cli.options import Assignments, ConfigFile, load_settings

if TYPE_CHECKING:
    from rich.text import Text

    from harpi.config.schema import Config
    from harpi.controls.wiring import Pin


def register(app: typer.Typer) -> None:
    """Add the group `config`, and the commands `pinout` and `schema`."""
    group = typer.Typer(no_args_is_help=True, help="Show or check the configuration.")
    group.command()(show)
    group.command()(check)
    group.command()(defaults)
    app.add_typer(group, name="config")
    app.command()(pinout)
    app.command()(schema)


def show(
    config: ConfigFile = None,
    assignments: Assignments = None,
    changed: Annotated[
        bool,
        typer.Option("--changed", help="Only what is not left at its default, and its origin."),
    ] = False,
) -> None:
    """Print the configuration in effect as TOML.

    Example: harpi config show --changed
    """
    from harpi.config.loading import to_toml

    typer.echo(to_toml(load_settings(config, assignments), changed=changed), nl=False)


def check(config: ConfigFile = None, assignments: Assignments = None) -> None:
    """Check the configuration and show everything wrong with it.

    Example: harpi config check --config harpi.toml
    """
    from harpi.config.checks import missing_files
    from harpi.config.loading import InvalidConfig, read_secret, value_of
    from harpi.learning.models import check_models

    settings = load_settings(config, assignments)
    if missing := missing_files(settings.config, settings.origins):
        raise InvalidConfig(missing)
    for key in ("mqtt.password_file", "web.password_file"):
        if (name := value_of(settings.config, key)) is not None:
            read_secret(key, Path(str(name)))
    check_models(settings.config)
    files = ", ".join(str(path) for path in settings.files) or "no file, defaults only"
    typer.echo(f"The configuration is valid ({files}; {len(settings.origins)} settings given).")


def defaults() -> None:
    """Print all settings, their defaults and what they mean.

    Example: harpi config defaults > harpi.toml
    """
    from importlib.resources import files

    text = (files("harpi.config") / "defaults.toml").read_text(encoding="utf-8")
    typer.echo(text, nl=False)


def schema() -> None:
    """Print the JSON Schema of the MQTT payloads.

    Example: harpi schema > mqtt.schema.json
    """
    import json

    from harpi.publish.messages import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))


_STYLES: Final = {
    "sensor": "bold cyan",
    "button": "bold yellow",
    "LED": "bold magenta",
    "": "dim",
}

_SUPPLIES: Final = {"3V3": "yellow", "5V": "red"}

_MIDDLE: Final = 25
"""Characters of the header itself."""

_SIDE: Final = 26
"""Characters for what is wired to a pin, left and right of the header."""


def pinout(
    config: ConfigFile = None,
    assignments: Assignments = None,
    json: Annotated[bool, typer.Option("--json", help="All 40 pins, as JSON.")] = False,
    svg: Annotated[
        Path | None,
        typer.Option("--svg", metavar="FILE", help="Write the wiring as a drawing instead."),
    ] = None,
) -> None:
    """Draw the 40-pin header and what is wired to it.

    The header is drawn with pin 1 at the upper left: hold the Pi so that the header is at
    its right edge and the USB ports point down.

    Example: harpi pinout --set sensor.address=0x69

    Example: harpi pinout --svg wiring.svg
    """
    from harpi.controls.wiring import wiring

    settings = load_settings(config, assignments).config
    pins = wiring(settings)
    if svg is not None:
        _write_svg(svg, settings)
        return
    if json:
        import msgspec

        typer.echo(msgspec.json.encode([asdict(pin) for pin in pins]))
        return
    from harpi.cli.terminal import console_on

    console = console_on(sys.stdout)
    plain = console.options.ascii_only
    for line in drawing(settings, pins, console.width, plain=plain):
        console.print(line, no_wrap=True, overflow="ellipsis", crop=True)


def _write_svg(path: Path, config: Config) -> None:
    """Write the drawing to a file.

    Raises:
        UsageError: it cannot be written there.
    """
    from harpi.controls.wiring import wiring_svg
    from harpi.errors import UsageError
    from harpi.files import write_atomically
    from harpi.privileges import as_caller

    try:
        content = wiring_svg(config).encode()
        with as_caller():
            write_atomically(path.absolute(), content)
    except OSError as error:
        raise UsageError(
            f"the drawing cannot be written: {error.strerror}",
            where=str(path),
            remedy="Give a file in a folder that you may write to",
        ) from error


def drawing(config: Config, pins: list[Pin], width: int, *, plain: bool = False) -> list[Text]:
    """Draw the header: a line for each pair of pins, and what one has to know.

    Args:
        config: what is wired.
        pins: all 40, as from `wiring`.
        width: characters in a line.
        plain: use ASCII alone.
    """
    from rich.text import Text

    from harpi.controls.wiring import I2C

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

    from harpi.cli.terminal import clean

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
