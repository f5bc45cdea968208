"""`harpi status`: how the running device does, in one screen."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from harpi.cli.options import Assignments, ConfigFile, load_settings
from harpi.names import name_of

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from harpi.commands import ModelFigures, Situation
    from harpi.publish.messages import CalibrationCondition, Condition

GOOD, BAD, OFF, DOUBTFUL = "ok", "!!", "--", "??"
"""Marks of a row; colours say the same once more."""

FINE: Final = ("running", "asleep")
"""States of a sensor with which nothing is wrong."""

_STYLES: Final = {GOOD: "green", BAD: "bold red", OFF: "dim", DOUBTFUL: "bold yellow"}
_SCREEN_LINES: Final = 23
"""Lines of a small terminal above the next prompt."""
_SMALLEST_TABLE: Final = 3

Row = tuple[str, str, str]
"""What it is about, its mark, and how it stands."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(status)


def status(
    json: Annotated[bool, typer.Option("--json", help="Everything, as JSON.")] = False,
    config: ConfigFile = None,
    assignments: Assignments = None,
) -> None:
    """Show on one screen how harpi does, and what is wrong.

    Sensor, models, store, broker and page have a line each, marked ok, !! (something is wrong,
    and below it says what to do), or -- (off, or nothing there yet). Below, ?? is doubtful.

    Example: harpi status
    """
    from harpi.commands import Status
    from harpi.controls.client import Client
    from harpi.publish.messages import Condition

    runtime = load_settings(config, assignments).config.paths.runtime_folder
    with Client(runtime) as client:
        answer = client.ask(Status())
        condition = client.examine(Condition)
    if json:
        import msgspec

        everything = {**msgspec.to_builtins(condition), "situation": answer.situation}
        typer.echo(msgspec.json.encode(everything))
        return
    _show(condition, answer.situation)


def rows(condition: Condition) -> list[Row]:
    """Say how each part of the device stands."""
    health = condition.health
    sensor = health.sensor
    figures = [
        f"{sensor.chip} {sensor.state}",
        f"{sensor.rate_hz:.1f} samples/s",
        f"{sensor.lost} lost since the start" if sensor.lost else "0 lost",
    ]
    if sensor.temperature_c is not None:
        figures.append(f"{sensor.temperature_c:.0f} °C")
    well = sensor.state in FINE and not sensor.implausible
    found = [("sensor", GOOD if well else BAD, ", ".join(figures))]
    found += [_model_row(name, figures) for name, figures in health.models.items()]
    store, broker = condition.store, condition.broker
    if store is None:
        found.append(("store", BAD, "cannot be used"))
    else:
        room = f"{store.used_mb:.0f} of {store.limit_mb} MB, {store.free_mb / 1000:.1f} GB free"
        found.append(("store", GOOD, f"{room}, {store.path}"))
    if broker is None:
        found.append(("broker", OFF, "off (mqtt.enabled)"))
    elif broker.connected:
        link = health.mqtt
        waiting = f", {link.waiting} waiting" if link.waiting else ""
        found.append(("broker", GOOD, f"{broker.address}, {link.sent} sent{waiting}"))
    else:
        waiting = f"{health.mqtt.waiting} waiting"
        found.append(("broker", BAD, f"{broker.address}, not connected, {waiting}"))
    found.append(_calibration_row(condition.calibration))
    if condition.page is None:
        found.append(("page", OFF, "off (web.enabled)"))
    else:
        url = condition.page.url
        found.append(("page", BAD if url is None else GOOD, url or "not served"))
    return found


def _calibration_row(calibration: CalibrationCondition | None) -> Row:
    if calibration is None or not (
        calibration.gyro or calibration.accel or calibration.mounting
    ):
        return "calibration", OFF, "none: `harpi calibrate gyro`"
    parts = []
    if calibration.gyro is not None:
        parts.append(f"gyro {calibration.gyro:%Y-%m-%d}")
    if calibration.accel is not None:
        parts.append(
            f"accel {calibration.accel:%Y-%m-%d} ({calibration.residual_mg:g} mg left)"
        )
    if parts and not calibration.used:
        return "calibration", BAD, "another chip's, not used: `harpi calibrate gyro`"
    if calibration.turned_degrees is not None:
        parts.append(f"strap turned by {calibration.turned_degrees:.0f} degrees")
    return "calibration", GOOD, ", ".join(parts)


def _model_row(name: str, figures: ModelFigures) -> Row:
    shown = name_of(name)
    if figures.source is None:
        return (
            shown,
            OFF,
            "not trained: `harpi record LABEL`, then `harpi train`",
        )
    return shown, GOOD, f"{figures.source}, {figures.labels} labels"


def _show(condition: Condition, situation: Situation) -> None:
    from rich.table import Table
    from rich.text import Text

    from harpi.cli.terminal import clean, console_on, since

    console = console_on(sys.stdout)
    health = condition.health
    session = situation.session
    about = [
        f"{condition.device}, harpi {health.version}, up {since(health.uptime_s)}",
        "no session yet" if session is None else f"session {session}",
        f"worn at: {situation.position}",
    ]
    parts = Table.grid(padding=(0, 2))
    parts.add_column(no_wrap=True)
    parts.add_column(no_wrap=True)
    parts.add_column(overflow="fold")
    for what, mark, how in rows(condition):
        parts.add_row(what, Text(mark, _STYLES[mark]), clean(how))
    head: list[RenderableType] = [Text(clean(", ".join(about)), "bold")]
    head += [clean(doing(situation)), "", parts, ""]
    head += [_remark(BAD, clean(problem)) for problem in condition.problems]
    head += [_remark(DOUBTFUL, clean(hint)) for hint in condition.hints]
    if not (condition.problems or condition.hints):
        head.append(Text("Nothing is wrong.", "green"))
    head.append("")
    lines = sum(len(console.render_lines(part, pad=False)) for part in head)
    room = max(_SCREEN_LINES, console.height - 1) - lines if console.is_terminal else None
    for part in head:
        console.print(part)
    if room is None or room >= _SMALLEST_TABLE:
        console.print(_labels(situation, room))


def doing(situation: Situation) -> str:
    """Say what the session does."""
    testing = ", and the models are being tested" if situation.evaluating else ""
    return _doing(situation) + testing


def _doing(situation: Situation) -> str:
    if situation.state in ("recording", "testing"):
        what = "a test take of " if situation.state == "testing" else ""
        for_so_long = f" for {situation.seconds:g} s" if situation.seconds else ""
        return f"recording {what}{situation.label}{for_so_long}"
    if situation.state == "idle":
        return "asks whether to forget everything" if situation.asking else "idle"
    text = "training" if situation.state == "training" else "training, paused"
    if (now := situation.progress) is not None:
        text += f": epoch {now.epoch} of at most {now.epochs}, loss {now.loss:.3f}"
        if now.accuracy is not None:
            text += f", {now.accuracy:.0%} correct on held-out windows"
    return text


def _remark(mark: str, text: str) -> Table:
    """Set a remark off by a mark, its further lines below its first."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 1))
    table.add_row(Text(mark, _STYLES[mark]), text)
    return table


def _labels(situation: Situation, room: int | None) -> Table:
    """List what there is of each label, in at most `room` lines."""
    from rich.table import Table

    from harpi.cli.terminal import clean

    counts = situation.labels
    shown = len(counts) if room is None or len(counts) < room else max(1, room - 2)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("label", no_wrap=True, overflow="ellipsis", min_width=8)
    for heading in ("takes", "windows", "needed", "test takes"):
        table.add_column(heading, justify="right", no_wrap=True)
    for count in counts[:shown]:
        needed = str(count.needed) if count.needed else "-"
        numbers = (str(count.takes), str(count.windows), needed, str(count.tests))
        table.add_row(clean(count.label), *numbers)
    if left_out := len(counts) - shown:
        table.add_row(f"and {left_out} more")
    return table
