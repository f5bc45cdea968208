"""`harpi watch`: what the devices say, live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

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
from harpi.errors import BrokerError, ConfigError, DaemonNotRunning

if TYPE_CHECKING:
    from harpi.cli.local import LocalDevice
    from harpi.config.schema import Config
    from harpi.publish.subscriber import Subscriber


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(watch)


def watch(
    config: ConfigFile = None,
    assignments: Assignments = None,
    device: Annotated[
        str | None, typer.Option("--id", metavar="DEVICE", help="Only this device.")
    ] = None,
    host: BrokerHost = None,
    port: BrokerPort = None,
    user: BrokerUser = None,
    password_file: BrokerPassword = None,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line, of everything said.")
    ] = False,
    count: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="End after N verdicts.")
    ] = None,
) -> None:
    """Show live what each device and its three models say.

    On a terminal it is a picture that fits its size; with `TERM=dumb` or into a pipe goes
    one line a verdict. When the broker goes away, it waits until it is back. Without a broker
    it shows the harpi that runs on this computer.

    Example: harpi watch

    Example: harpi watch --host raspberrypi.local --id arm
    """
    import sys
    from contextlib import closing

    from harpi.cli.devices import JsonLines, PlainLines, follow
    from harpi.cli.terminal import INTERRUPTED, StopFlag, console_on

    changes = [*(assignments or ()), *broker_assignments(host, port, user, password_file)]
    settings = load_settings(config, changes).config
    elsewhere = any(given is not None for given in (host, port, user, device))
    source, topic, where = _source(settings, device, elsewhere=elsewhere)
    with closing(source), StopFlag() as ending:
        console = console_on(sys.stdout)
        if json:
            follow(source, JsonLines(), ending, topic=topic, verdicts=count)
        elif console.is_dumb_terminal or not sys.stdout.isatty():
            follow(source, PlainLines(), ending, topic=topic, verdicts=count)
        else:
            from harpi.cli.screen import Screen

            with Screen(console, where) as screen:
                follow(source, screen, ending, topic=topic, verdicts=count)
    if ending.asked:
        raise typer.Exit(INTERRUPTED)


def _source(
    config: Config, device: str | None, *, elsewhere: bool
) -> tuple[Subscriber | LocalDevice, str, str]:
    """Listen at the broker, or at the harpi of this computer where there is none.

    Args:
        config: whose broker, and whose local socket.
        device: which to hear; all where not given.
        elsewhere: another broker, account or device was asked for than that of this computer.

    Returns:
        The source, what is listened to, and the same with its address.

    Raises:
        HarpiError: neither can be heard.
    """
    from harpi.cli.local import LocalDevice
    from harpi.publish.subscriber import Subscriber

    mqtt, runtime = config.mqtt, config.paths.runtime_folder
    topic = f"{mqtt.prefix}/{device or '+'}"
    if not mqtt.enabled and not elsewhere:
        return LocalDevice(runtime), "the harpi of this computer", "this computer"
    try:
        return Subscriber(mqtt, device), topic, f"{mqtt.host}:{mqtt.port} {topic}"
    except (BrokerError, ConfigError) as error:
        if elsewhere:
            raise
        try:
            local = LocalDevice(runtime)
        except DaemonNotRunning:
            raise error from None
        typer.echo(f"harpi: {error} Showing the harpi of this computer instead.", err=True)
        return local, "the harpi of this computer", "this computer"
