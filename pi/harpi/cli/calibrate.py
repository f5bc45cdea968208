"""`harpi calibrate`: the sensor's zero, its scale, and how it sits on the limb."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from harpi.cli.options import Assignments, ConfigFile, load_settings
from harpi.errors import ControlError

if TYPE_CHECKING:
    from msgspec import Struct

    from harpi.calibrate.guide import Cue, Guide
    from harpi.calibrate.sensor import OpenedSensor, Part
    from harpi.config.schema import Config
    from harpi.controls.gpio import Gpio
    from harpi.imu.calibration import Calibration

Emulate = Annotated[
    bool,
    typer.Option("--emulate", help="Try it with an emulated sensor; nothing is saved."),
]
Json = Annotated[bool, typer.Option("--json", help="The result as JSON, on standard output.")]


def register(app: typer.Typer) -> None:
    """Add the group `calibrate`."""
    group = typer.Typer(
        no_args_is_help=True,
        help="Measure the sensor's zero and scale, and how it is worn.",
    )
    for command in (gyro, accel, mounting, show, forget):
        group.command()(command)
    app.add_typer(group, name="calibrate")


def gyro(
    config: ConfigFile = None,
    assignments: Assignments = None,
    emulate: Emulate = False,
    json: Json = False,
) -> None:
    """Measure the zero of the gyroscope, still for six seconds.

    A sensor that moves is refused, and what was calibrated before stays as it is. The daemon
    must not be running; started again, it uses the result.

    Example: harpi calibrate gyro --emulate
    """
    from harpi.calibrate.procedures import calibrate_gyro, keep

    settings = load_settings(config, assignments).config
    with _bench(settings, "gyro", emulate=emulate) as (bench, guide):
        found = calibrate_gyro(bench, guide)
        if not emulate:
            keep(settings.paths.state_folder, bench.chip.fingerprint, found)
        guide.show("done")
    x, y, z = found.bias
    text = (
        f"At {found.temperature:.0f} °C the gyroscope is off by {x:+.2f}, {y:+.2f} and "
        f"{z:+.2f} deg/s."
    )
    _tell(found, text, json=json, emulate=emulate)


def accel(
    config: ConfigFile = None,
    assignments: Assignments = None,
    leaning: Annotated[
        int,
        typer.Option(
            min=1,
            max=12,
            metavar="N",
            help="Leaning positions besides the six faces; with 6 or more, how the axes stand "
            "to each other is fitted, too.",
        ),
    ] = 1,
    emulate: Emulate = False,
    json: Json = False,
) -> None:
    """Measure zero and scale of the accelerometer on six faces.

    Lay the sensor still on each of its six faces, in any order, and lean it against something
    once; no key has to be pressed. The status light guides, too, where leds.enabled is set: it
    blinks while a new position is waited for, and flashes three times when one is measured.

    What does not fit is refused, and what was calibrated before stays as it is. The daemon
    must not be running; started again, it uses the result.

    Example: harpi calibrate accel --emulate
    """
    from harpi.calibrate.procedures import calibrate_accel, keep

    settings = load_settings(config, assignments).config
    with _bench(settings, "accel", emulate=emulate, leaning=leaning) as (bench, guide):
        found = calibrate_accel(bench, guide, leaning=leaning)
        if not emulate:
            keep(settings.paths.state_folder, bench.chip.fingerprint, found)
        guide.show("done")
    x, y, z = (1000 * offset for offset in found.offset)
    scales = ", ".join(f"{100 * (found.matrix[n][n] - 1):+.1f}" for n in range(3))
    text = (
        f"At {found.temperature:.0f} °C the accelerometer is off by {x:+.0f}, {y:+.0f} and "
        f"{z:+.0f} mg and its scales are corrected by {scales} %. The remaining error of "
        f"gravity is {1000 * found.residual:.1f} mg."
    )
    _tell(found, text, json=json, emulate=emulate)


def mounting(
    config: ConfigFile = None,
    assignments: Assignments = None,
    position: Annotated[
        str | None,
        typer.Option(metavar="PLACE", help="Where it is worn; device.position if not given."),
    ] = None,
    anew: Annotated[
        bool,
        typer.Option(
            "--anew", help="Record the first walk again, with the strap as it is now."
        ),
    ] = False,
    emulate: Emulate = False,
    json: Json = False,
) -> None:
    """Find how the strap is turned: stand still, then walk ten steps.

    The first time it only takes note of your walk: do it with the strap as it is when you
    teach harpi. Later it finds how the strap is turned against that, and harpi turns the
    signal back, so that what it learnt fits again.

    The daemon must not be running; started again, it uses the result. Say `harpi mount`
    whenever you put the strap on anew: how it is turned is then not known until you calibrate.

    Example: harpi calibrate mounting --emulate
    """
    from harpi.calibrate.procedures import calibrate_mounting
    from harpi.files import write_document
    from harpi.imu.calibration import FILE_NAME, read_calibration
    from harpi.signal.gait import FILE_NAME as MOUNTING_FILE
    from harpi.signal.gait import Mountings, read_mountings
    from harpi.signal.orientation import angle_of

    settings = load_settings(config, assignments).config
    folder = settings.paths.state_folder
    place = position or settings.device.position
    known = Mountings() if emulate else read_mountings(folder / MOUNTING_FILE)
    before = None if anew else known.at(place)
    chip = None if emulate else read_calibration(folder / FILE_NAME)
    with _bench(settings, "mounting", emulate=emulate, calibration=chip) as (bench, guide):
        found = calibrate_mounting(bench, guide, before)
        if not emulate:
            write_document(folder / MOUNTING_FILE, known.with_place(place, found))
        guide.show("done")
    if before is None or found.rotation is None:
        text = f"Your walk is saved. At {place}, the strap should be as it is now."
    else:
        text = (
            f"At {place}, the strap is turned by {angle_of(found.rotation):.0f} degrees "
            "against the first time. harpi turns the signal back."
        )
    _tell(found, text, json=json, emulate=emulate)


def show(
    config: ConfigFile = None,
    assignments: Assignments = None,
    json: Annotated[bool, typer.Option("--json", help="Everything, as JSON.")] = False,
) -> None:
    """Show what was calibrated, when, and at which temperature.

    Example: harpi calibrate show
    """
    import msgspec

    from harpi.imu.calibration import FILE_NAME, read_calibration
    from harpi.signal.gait import FILE_NAME as MOUNTING_FILE
    from harpi.signal.gait import read_mountings
    from harpi.signal.orientation import angle_of

    folder = load_settings(config, assignments).config.paths.state_folder
    chip, mountings = (
        read_calibration(folder / FILE_NAME),
        read_mountings(folder / MOUNTING_FILE),
    )
    if json:
        everything = {"calibration": chip, "mounting": mountings}
        typer.echo(msgspec.json.encode(everything))
        return
    lines = []
    if chip is not None and chip.gyro is not None:
        bias = ", ".join(f"{value:+.2f}" for value in chip.gyro.bias)
        lines.append(
            f"gyro      {_day(chip.gyro.made)}, {chip.gyro.temperature:.0f} °C: {bias} deg/s"
        )
    if chip is not None and chip.accel is not None:
        offset = ", ".join(f"{1000 * value:+.0f}" for value in chip.accel.offset)
        lines.append(
            f"accel     {_day(chip.accel.made)}, {chip.accel.temperature:.0f} °C: {offset} mg, "
            f"{chip.accel.positions} positions, residual {1000 * chip.accel.residual:.1f} mg"
        )
    for name, place in sorted(mountings.places.items()):
        if place.rotation is None or place.turned_made is None:
            how = "strap put on again since, not known"
        else:
            how = f"turned by {angle_of(place.rotation):.0f} degrees, {_day(place.turned_made)}"
        lines.append(f"mounting  {name}: {how}; first walk {_day(place.first_made)}")
    typer.echo("\n".join(lines) or "Nothing is calibrated: `harpi calibrate gyro`.")


def forget(
    part: Annotated[
        Literal["chip", "mounting"],
        typer.Argument(help="chip: zero and scale; mounting: all walks."),
    ],
    config: ConfigFile = None,
    assignments: Assignments = None,
) -> None:
    """Forget a calibration: the signal is left as the sensor gives it.

    A running daemon goes on with it until it is started again.

    Example: harpi calibrate forget chip
    """
    from harpi.calibrate.procedures import check_writable
    from harpi.imu.calibration import FILE_NAME
    from harpi.signal.gait import FILE_NAME as MOUNTING_FILE

    folder = load_settings(config, assignments).config.paths.state_folder
    check_writable(folder)
    path = folder / (FILE_NAME if part == "chip" else MOUNTING_FILE)
    there = path.exists()
    path.unlink(missing_ok=True)
    typer.echo("Forgotten." if there else "There was none.")


class _Terminal:
    """The `harpi.calibrate.guide.Guide` on standard error, so that results stay apart."""

    def say(self, text: str) -> None:
        """Print it."""
        typer.echo(text, err=True)

    def show(self, cue: Cue) -> None:
        """Words have said it."""

    def tick(self) -> None:
        """Nothing changes by itself."""


@contextmanager
def _bench(
    config: Config,
    part: Part,
    *,
    emulate: bool,
    leaning: int = 1,
    calibration: Calibration | None = None,
) -> Iterator[tuple[OpenedSensor, Guide]]:
    """Have the sensor, or an emulated one, for oneself."""
    from harpi.calibrate.procedures import check_writable
    from harpi.calibrate.sensor import open_sensor

    if emulate:
        from harpi.calibrate.sensor import emulated_motion_bus
        from harpi.imu.emulator import VirtualTime

        time = VirtualTime()
        bus = emulated_motion_bus(part, config.sensor.address, time, leaning=leaning)
        with open_sensor(config, time, _Terminal(), bus=bus) as at:
            yield at
        return
    from harpi.timebase import SystemTime

    check_writable(config.paths.state_folder)
    gpio = _lights(config) if config.leds.enabled else None
    with open_sensor(
        config, SystemTime(), _Terminal(), gpio=gpio, calibration=calibration
    ) as at:
        yield at


def _lights(config: Config) -> Gpio | None:
    from harpi.controls.gpio import RpiGpio

    try:
        return RpiGpio(config.paths.runtime_folder)
    except ControlError as error:
        typer.echo(f"{error} Going on without the light.", err=True)
        return None


def _tell(found: Struct, text: str, *, json: bool, emulate: bool) -> None:
    """Tell the result, and what becomes of it."""
    if json:
        import msgspec

        typer.echo(msgspec.json.encode(found))
        return
    kept = "Nothing was saved." if emulate else "Start harpi again to use it."
    typer.echo(f"{text} {kept}")


def _day(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"
