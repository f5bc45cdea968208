"""`harpi fleet`: which devices there are on a broker, and how they do."""

from __future__ import annotations

from typing import Annotated

import typer

from harpi.cli.options import Assignments, ConfigFile, load_settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(fleet)


def fleet(
    config: ConfigFile = None,
    assignments: Assignments = None,
    host: Annotated[
        str | None, typer.Option(metavar="HOST", help="Broker, instead of mqtt.host.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(metavar="PORT", help="Port, instead of mqtt.port.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="A list of the devices; with --watch a line each.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on, and show what changes.")
    ] = False,
) -> None:
    """List the devices on a broker: who is on, their versions, and how they do.

    A device that is off is listed as it was last heard. With --watch the list is redrawn on a
    terminal; into a pipe goes a line for each change.

    Example: harpi fleet --host raspberrypi.local
    """
    import signal
    import sys
    from contextlib import closing

    from harpi.cli.console import console_on
    from harpi.cli.roster import CAPACITY, TOPICS, Roster, follow, gather, print_list
    from harpi.publish.subscriber import Subscriber

    changes = list(assignments or [])
    if host is not None:
        changes.append(f"mqtt.host={host}")
    if port is not None:
        changes.append(f"mqtt.port={port}")
    mqtt = load_settings(config, changes).config.mqtt
    # A terminal whose list was killed would be left without its cursor.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    roster = Roster()
    with closing(Subscriber(mqtt, names=TOPICS, capacity=CAPACITY)) as subscriber:
        console = console_on(sys.stdout)
        if watch:
            live = sys.stdout.isatty() and not console.is_dumb_terminal and not json
            follow(subscriber, roster, console, live=live, json=json)
        gather(subscriber, roster)
    if not roster.members:
        print(f"harpi: no device is known under {mqtt.prefix}/", file=sys.stderr)
    print_list(roster, console, json=json)
