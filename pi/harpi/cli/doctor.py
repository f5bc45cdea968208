"""`harpi doctor`: every part looked at, each with what to do about it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from harpi.cli.options import Assignments, ConfigFile, load_settings
from harpi.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from harpi.config.schema import Config
    from harpi.doctor import Finding
    from harpi.doctor.context import Context, Grade, Guide

FOUND_SOMETHING: Final = 11
"""Exit code where a check failed."""

_MARKS: Final[dict[Grade, tuple[str, str]]] = {
    "ok": ("ok", "green"),
    "warning": ("!", "bold yellow"),
    "failure": ("!!", "bold red"),
    "skipped": ("--", "dim"),
}
_CHECK_WIDTH: Final = 12


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(
    config: ConfigFile = None,
    assignments: Assignments = None,
    guided: Annotated[
        bool,
        typer.Option("--guided", help="Try each button and LED, with your help."),
    ] = False,
    emulate: Annotated[
        bool, typer.Option("--emulate", help="Check an emulated sensor that lies still.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Let a warning count as a failure.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object for each check, as it is made.")
    ] = False,
) -> None:
    """Check sensor, controls, models, takes, broker and computer.

    Each line is marked ok, ! (a warning: it works, but not as it could), !! (a failure) or --
    (not looked at, and why). Below a warning or a failure stands its remedy.

    A running harpi is asked and left alone; what needs the sensor for itself is then left out:
    stop it for the whole examination. That takes about ten seconds, and noise and self-test
    want the sensor at rest.

    The exit code is 0 where nothing failed and 11 where something did.

    Example: harpi doctor --emulate --set mqtt.enabled=false
    """
    from harpi.cli.terminal import console_on
    from harpi.doctor import examine
    from harpi.doctor.context import count

    try:
        settings = load_settings(config, assignments).config
    except ConfigError as error:
        if not json:
            raise
        _tell_configuration(error)
        raise typer.Exit(FOUND_SOMETHING) from None
    console = console_on(sys.stdout)
    patient = _patient(settings, emulate=emulate, guide=_Person() if guided else None)
    findings: list[Finding] = []
    try:
        for finding in examine(patient):
            if json:
                import msgspec

                typer.echo(msgspec.json.encode(finding))
            else:
                _show(console, finding, new_group=_is_new_group(findings, finding))
            findings.append(finding)
    finally:
        patient.close()
    if not json:
        console.print(_summary(findings, patient))
    if count(findings, "failure") or (strict and count(findings, "warning")):
        raise typer.Exit(FOUND_SOMETHING)


def _tell_configuration(error: ConfigError) -> None:
    """Write a finding for each mistake; with such a configuration nothing can be examined."""
    import msgspec

    from harpi.doctor.context import Finding

    for one in getattr(error, "problems", (error,)):
        text = f"{one.where}: {one.problem}" if one.where else one.problem
        finding = Finding(
            group="configuration",
            check="configuration",
            grade="failure",
            text=text,
            remedy=one.remedy or "`harpi config check` shows it",
        )
        typer.echo(msgspec.json.encode(finding))


def _patient(config: Config, *, emulate: bool, guide: Guide | None) -> Context:
    from harpi.controls.gpio import Gpio, RpiGpio
    from harpi.doctor.context import Computer, Context
    from harpi.imu.bus import Bus, SmbusBus
    from harpi.timebase import SystemTime, Timebase

    def open_gpio() -> Gpio:
        return RpiGpio(config.paths.runtime_folder)

    timebase: Timebase = SystemTime()

    def open_bus() -> Bus:
        return SmbusBus(config.sensor.bus)

    if emulate:
        from harpi.imu.emulator import Chip, EmulatedBus, Still, VirtualTime

        timebase = VirtualTime()
        emulated = EmulatedBus({config.sensor.address: Chip(Still(), timebase)}, timebase)
        return Context(
            config,
            Computer(),
            timebase=timebase,
            open_bus=lambda: emulated,
            open_gpio=open_gpio,
            emulated=True,
            guide=guide,
        )
    return Context(
        config,
        Computer(),
        timebase=timebase,
        open_bus=open_bus,
        open_gpio=open_gpio,
        guide=guide,
    )


class _Person:
    """The `harpi.doctor.context.Guide` at this terminal."""

    def say(self, text: str) -> None:
        """Tell what to do; on standard error, so that `--json` stays JSON."""
        typer.echo(f"   {text}", err=True)

    def choose(self, question: str, options: Sequence[str]) -> str | None:
        """Ask until one of the options is typed; None at the end of the input."""
        while True:
            typer.echo(f"   {question} [{'/'.join(options)}] ", err=True, nl=False)
            line = sys.stdin.readline()
            if not line:
                return None
            typed = line.strip().lower()
            fitting = [option for option in options if typed and option.startswith(typed)]
            if len(fitting) == 1:
                return fitting[0]


def _is_new_group(before: Sequence[Finding], finding: Finding) -> bool:
    return not before or before[-1].group != finding.group


def _show(console: Console, finding: Finding, *, new_group: bool) -> None:
    from rich.text import Text

    from harpi.cli.terminal import clean

    if new_group:
        console.print(Text(finding.group, "bold"))
    mark, style = _MARKS[finding.grade]
    text = Text(clean(finding.text), "dim" if finding.grade == "skipped" else "")
    first = Text.assemble(" ", (f"{mark:<3}", style), f"{finding.check:<{_CHECK_WIDTH}}")
    for line in text.wrap(console, max(20, console.width - len(first))):
        console.print(first + line)
        first = Text(" " * len(first))
    if finding.remedy:
        remedy = Text(f"-> {clean(finding.remedy).rstrip('.')}.", "bold")
        for line in remedy.wrap(console, max(20, console.width - len(first))):
            console.print(first + line)


def _summary(findings: Sequence[Finding], patient: Context) -> str:
    from harpi.doctor.context import count
    from harpi.evaluation.messages import counted

    numbers = (
        f"{counted(len(findings), 'check')}: {count(findings, 'ok')} ok, "
        f"{counted(count(findings, 'warning'), 'warning')}, "
        f"{counted(count(findings, 'failure'), 'failure')}, "
        f"{count(findings, 'skipped')} not made."
    )
    if patient.condition is None:
        return numbers
    return (
        f"{numbers}\nThe running daemon was asked and not disturbed. For all checks: "
        "'sudo systemctl stop harpi', `harpi doctor`, 'sudo systemctl start harpi'."
    )
