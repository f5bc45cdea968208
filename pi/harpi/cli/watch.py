"""`harpi watch`: what the devices say, live."""

from __future__ import annotations

from typing import Annotated

import typer

from harpi.cli.options import Assignments, ConfigFile, load_settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(watch)


def watch(
    config: ConfigFile = None,
    assignments: Assignments = None,
    device: Annotated[
        str | None, typer.Option("--id", metavar="DEVICE", help="Only this device.")
    ] = None,
    host: Annotated[
        str | None, typer.Option(metavar="HOST", help="Broker, instead of mqtt.host.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(metavar="PORT", help="Port, instead of mqtt.port.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line, of everything said.")
    ] = False,
    count: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="End after N verdicts.")
    ] = None,
) -> None:
    """Show live what each device says its wearer does, and what its three models say.

    On a terminal it is a picture that fits its size; with `TERM=dumb` or into a pipe goes
    one line a verdict. When the broker goes away, it waits until it is back.

    Example: harpi watch --host raspberrypi.local --id arm
    """
    import sys
    from contextlib import closing

    from harpi.cli.devices import JsonLines, PlainLines, follow
    from harpi.cli.terminal import INTERRUPTED, StopFlag, console_on
    from harpi.publish.subscriber import Subscriber

    changes = list(assignments or [])
    if host is not None:
        changes.append(f"mqtt.host={host}")
    if port is not None:
        changes.append(f"mqtt.port={port}")
    mqtt = load_settings(config, changes).config.mqtt
    topic = f"{mqtt.prefix}/{device or '+'}"
    with closing(Subscriber(mqtt, device)) as subscriber, StopFlag() as ending:
        console = console_on(sys.stdout)
        if json:
            follow(subscriber, JsonLines(), ending, topic=topic, verdicts=count)
        elif console.is_dumb_terminal or not sys.stdout.isatty():
            follow(subscriber, PlainLines(), ending, topic=topic, verdicts=count)
        else:
            from harpi.cli.screen import Screen

            with Screen(console, f"{mqtt.host}:{mqtt.port} {topic}") as screen:
                follow(subscriber, screen, ending, topic=topic, verdicts=count)
    if ending.asked:
        raise typer.Exit(INTERRUPTED)
