"""`harpi watch`: what the devices say, live in the terminal."""

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
    """Show the answers of the three models as they are published.

    On a terminal the picture is redrawn in place; into a pipe goes one line a verdict.
    """
    import sys

    from harpi.cli.live import JsonLines, PlainLines, Screen, follow
    from harpi.publish.subscriber import Subscriber

    changes = list(assignments or [])
    if host is not None:
        changes.append(f"mqtt.host={host}")
    if port is not None:
        changes.append(f"mqtt.port={port}")
    mqtt = load_settings(config, changes).config.mqtt
    subscriber = Subscriber(mqtt, device)
    on_terminal = sys.stdout.isatty()
    view = JsonLines() if json else Screen(sys.stdout) if on_terminal else PlainLines()
    try:
        follow(subscriber, view, topic=f"{mqtt.prefix}/{device or '+'}", verdicts=count)
    finally:
        subscriber.close()
