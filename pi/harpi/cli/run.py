"""`harpi run`: the daemon in the foreground."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harpi.cli.options import Assignments, ConfigFile, load_settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(run)


def run(
    config: ConfigFile = None,
    assignments: Assignments = None,
    emulate: Annotated[
        Path | None,
        typer.Option(
            metavar="RECORDING",
            help="Play a recording (.npz, .csv) on an emulated sensor, again and again.",
        ),
    ] = None,
    keyboard: Annotated[
        bool, typer.Option("--keyboard", help="Teach by keys of this terminal, as by buttons.")
    ] = False,
) -> None:
    """Sample, recognise and publish until told to end.

    Ctrl-C or SIGTERM end it within two seconds; a take that is being recorded is kept.
    `--emulate` needs no sensor and `--keyboard` no buttons: together they are a laptop.

    Example: harpi run --emulate walk.csv --keyboard
    """
    import signal
    import threading

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())

    from harpi import logs

    settings = load_settings(config, assignments).config
    logs.configure(settings.log)

    from harpi.daemon import Daemon
    from harpi.systemd import Notifier
    from harpi.timebase import SystemTime

    timebase, bus = SystemTime(), None
    if emulate is not None:
        from harpi.imu.emulator.bus import emulated_bus

        bus = emulated_bus(emulate, settings.sensor.address, timebase)
    notifier = Notifier()
    with Daemon(
        settings,
        bus=bus,
        timebase=timebase,
        notifier=notifier,
        patient=notifier.managed,  # somebody at a terminal wants to know at once
    ) as daemon:
        if not keyboard:
            stop.wait()
            return
        from harpi.controls.keyboard import Keyboard

        keys = Keyboard(daemon.session, settings.learning.labels, end=stop.set, say=typer.echo)
        keys.start()
        try:
            stop.wait()
        finally:
            keys.stop()
