"""`harpi run`: the daemon in the foreground."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harpi.cli.options import Assignments, ConfigFile


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
            help="Use an emulated sensor that plays a recording; `demo` ships with harpi.",
        ),
    ] = None,
    as_recorded: Annotated[
        bool,
        typer.Option(
            "--as-recorded",
            help="Play the recording as it is, also while takes are recorded.",
        ),
    ] = False,
    keyboard: Annotated[
        bool, typer.Option("--keyboard", help="Use the keys of this terminal as buttons.")
    ] = False,
) -> None:
    """Sample, recognise and publish until told to end.

    Ctrl-C or SIGTERM end it within two seconds; a take that is being recorded is kept.
    `--emulate` needs no sensor and `--keyboard` no buttons: together they are a laptop. While
    a take is recorded, the emulated wearer does what it is of; between takes the recording
    goes on.

    Example: harpi run --emulate demo --keyboard
    """
    import signal
    import threading
    from contextlib import ExitStack

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())

    from harpi import logs
    from harpi.config.loading import load
    from harpi.privileges import become_owner_for_good

    settings = load(config, assignments=assignments or ()).config
    become_owner_for_good(settings.paths.state_folder, settings.paths.runtime_folder)
    logs.configure(settings.log)

    from harpi.daemon import Daemon
    from harpi.supervisor import Supervisor
    from harpi.systemd import Notifier
    from harpi.timebase import SystemTime

    timebase, bus, wearer = SystemTime(), None, None
    if emulate is not None:
        from harpi import shipped
        from harpi.demo.wearer import Wearer
        from harpi.imu.emulator import Chip, EmulatedBus, Playback
        from harpi.recording import read_whole

        recording, understood = read_whole(shipped.recording(emulate))
        for line in (*understood.notes, *understood.warnings):
            typer.echo(f"harpi: {emulate}: {line}", err=True)
        motion = Playback(recording, start=timebase.monotonic())
        bus = EmulatedBus({settings.sensor.address: Chip(motion, timebase)}, timebase)
        wearer = None if as_recorded else Wearer(motion, timebase)
    notifier = Notifier()
    with (
        Supervisor(on_given_up=stop.set) as supervisor,
        Daemon(
            settings,
            bus=bus,
            timebase=timebase,
            notifier=notifier,
            patient=notifier.managed,  # somebody at a terminal wants to know at once
            supervisor=supervisor,
        ) as daemon,
        ExitStack() as ending,
    ):
        if wearer is not None:
            daemon.session.subscribe(wearer.hear)
        if keyboard:
            from harpi.controls.keyboard import Keyboard

            keys = Keyboard(
                daemon.session,
                settings.learning.labels,
                end=stop.set,
                say=typer.echo,
                supervisor=supervisor,
            )
            keys.start()
            ending.callback(keys.stop)
        stop.wait()
    if supervisor.given_up is not None:
        raise supervisor.given_up
