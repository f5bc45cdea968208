"""How a command reaches the session: that of the daemon, or one of its own where none runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

import typer

from harpi.errors import CommandRefused, DaemonNotRunning

if TYPE_CHECKING:
    from harpi.commands import Answer, Command
    from harpi.config.schema import Config

    Ask: TypeAlias = Callable[[Command], Answer]


@contextmanager
def session_of(config: Config) -> Iterator[Ask]:
    """Reach the session of a device, whether it runs or not.

    Args:
        config: the device's.

    Raises:
        ControlError: a daemon runs and may not be commanded, or does not answer.
        UsageError: a field of a command cannot be.
    """
    from harpi.commands import checked
    from harpi.controls.client import Client
    from harpi.controls.socket import SOURCE

    try:
        client = Client(config.paths.runtime_folder)
    except DaemonNotRunning:
        from harpi.session.offline import offline_session

        def ask(command: Command) -> Answer:
            return session.command(checked(command), SOURCE)

        with offline_session(config) as session:
            yield ask
        return
    with client:
        yield client.ask


def do(config: Config, command: Command) -> None:
    """Give a command to the session, and show the answer.

    Raises:
        CommandRefused: it was not done.
    """
    with session_of(config) as ask:
        show(ask(command))


def show(answer: Answer) -> None:
    """Show an answer.

    Raises:
        CommandRefused: it was not done.
    """
    if not answer.ok:
        raise CommandRefused(answer.message.rstrip("."))
    typer.echo(answer.message)
    warn(answer.warnings)


def warn(warnings: tuple[str, ...]) -> None:
    """Show what is doubtful although it was done."""
    for warning in warnings:
        typer.echo(f"warning: {warning.rstrip('.')}.", err=True)
