"""`harpi fleet`: which devices there are on a broker, and how they do."""

from __future__ import annotations

from typing import Annotated

import typer

from harpi.cli.options import (
    Assignments,
    BrokerHost,
    BrokerPassword,
    BrokerPort,
    BrokerUser,
    ConfigFile,
    broker_assignments,
    load_settings,
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(fleet)


def fleet(
    config: ConfigFile = None,
    assignments: Assignments = None,
    host: BrokerHost = None,
    port: BrokerPort = None,
    user: BrokerUser = None,
    password_file: BrokerPassword = None,
    json: Annotated[
        bool, typer.Option("--json", help="A list of the devices; with --watch a line each.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on, and show what changes.")
    ] = False,
) -> None:
    """List the devices on a broker, their versions and their state.

    A device that is off is listed as it was last heard. With --watch the list is redrawn on a
    terminal; into a pipe goes a line for each change.

    A broker with access rules shows a device's own account that device alone; an account that
    may read all devices is given with --user.

    Example: harpi fleet --host raspberrypi.local --user viewer --password-file viewer.password
    """
    import sys
    from contextlib import closing

    from harpi.cli.roster import CAPACITY, TOPICS, Roster, follow, gather, print_list, show
    from harpi.cli.terminal import INTERRUPTED, StopFlag, console_on
    from harpi.publish.subscriber import Subscriber

    changes = [*(assignments or ()), *broker_assignments(host, port, user, password_file)]
    mqtt = load_settings(config, changes).config.mqtt
    roster, console = Roster(), console_on(sys.stdout)
    subscriber = Subscriber(mqtt, names=TOPICS, capacity=CAPACITY)
    with closing(subscriber), StopFlag() as ending:
        if not watch:
            gather(subscriber, roster, ending)
        elif json or console.is_dumb_terminal or not sys.stdout.isatty():
            follow(subscriber, roster, ending, json=json)
        else:
            show(subscriber, roster, ending, console)
    if ending.asked:
        raise typer.Exit(INTERRUPTED)
    if not roster.members:
        who = f" that {mqtt.username} may see" if mqtt.username else ""
        print(f"harpi: no device{who} is known under {mqtt.prefix}/", file=sys.stderr)
    print_list(roster, console, json=json)
