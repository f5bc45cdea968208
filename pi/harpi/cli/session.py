"""`harpi record`, `train`, `undo` and their kind: what the buttons do, typed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from harpi.cli import completion
from harpi.cli.asking import do, session_of, show, warn
from harpi.cli.options import Assignments, ConfigFile, load_settings
from harpi.cli.terminal import INTERRUPTED
from harpi.errors import CommandRefused

if TYPE_CHECKING:
    from pathlib import Path

    from harpi.commands import Command, Event

Position = Annotated[
    str | None,
    typer.Option("--position", "-p", metavar="PLACE", help="Where on the body it is worn."),
]


def register(app: typer.Typer) -> None:
    """Add the commands that talk to the running daemon."""
    for command in (record, stop, correct, undo, train, pause, resume, cancel, forget, mount):
        app.command()(command)


def record(
    label: Annotated[
        str,
        typer.Argument(
            metavar="LABEL", help="What the wearer does.", autocompletion=completion.labels
        ),
    ],
    seconds: Annotated[
        float | None,
        typer.Option("--seconds", "-n", metavar="N", help="End by itself, and wait for it."),
    ] = None,
    position: Position = None,
    test: Annotated[
        bool, typer.Option("--test", help="For measuring only; it is never trained on.")
    ] = False,
    new: Annotated[
        bool, typer.Option("--new", help="The label is new, although it resembles another.")
    ] = False,
    wait: Annotated[
        bool, typer.Option(help="With --seconds: wait until the take has ended.")
    ] = True,
    config: ConfigFile = None,
    assignments: Assignments = None,
) -> None:
    """Record what the wearer does now, until `harpi stop`.

    The first and the last moment are left out (learning.margin_seconds): the press of a
    button is motion, too. Ten seconds or more are good; two takes are better than a long one.

    Example: harpi record walking --seconds 15
    """
    from harpi.commands import Record

    command = Record(label=label, seconds=seconds, position=position, test=test, new=new)
    if seconds is None or not wait:
        _do(command, config, assignments)
        return
    for event in do_and_follow(command, config, assignments, "The take goes on"):
        if event.situation.state not in ("recording", "testing"):
            tell(event)
            return


def stop(config: ConfigFile = None, assignments: Assignments = None) -> None:
    """End the take and keep it.

    Example: harpi stop
    """
    from harpi.commands import Stop

    _do(Stop(), config, assignments)


def correct(
    label: Annotated[
        str,
        typer.Argument(
            metavar="LABEL",
            help="What the wearer has been doing.",
            autocompletion=completion.labels,
        ),
    ],
    seconds: Annotated[
        float,
        typer.Option("--seconds", "-n", min=1, max=30, metavar="N", help="For how long."),
    ] = 10.0,
    new: Annotated[
        bool, typer.Option("--new", help="The label is new, although it resembles another.")
    ] = False,
    bout: Annotated[
        int | None,
        typer.Option("--bout", min=1, metavar="N", help="A bout of the diary (`harpi day`)."),
    ] = None,
    config: ConfigFile = None,
    assignments: Assignments = None,
) -> None:
    """Correct harpi: say what the wearer has just been doing.

    The last seconds become a take. kNN follows at once, the personal model with the next
    training; `harpi undo` takes it back. With `--bout` the diary is corrected instead.

    Example: harpi correct walking
    """
    from harpi.commands import Correct

    command = Correct(label=label, seconds=seconds, new=new, bout=bout)
    if bout is not None:
        do(load_settings(config, assignments).config, command)
        return
    _do(command, config, assignments)


def undo(
    whole: Annotated[
        bool,
        typer.Option("--whole", help="Delete the whole last take, whatever was done since."),
    ] = False,
    config: ConfigFile = None,
    assignments: Assignments = None,
) -> None:
    """Undo the last change to takes, or drop the take in progress.

    Example: harpi undo --whole
    """
    from harpi.commands import Undo

    do(load_settings(config, assignments).config, Undo(whole=whole))


def train(
    wait: Annotated[
        bool, typer.Option("--wait", "-w", help="Show how it goes, until it has ended.")
    ] = False,
    config: ConfigFile = None,
    assignments: Assignments = None,
) -> None:
    """Learn from all takes; recognition goes on meanwhile.

    Example: harpi train --wait
    """
    from harpi.commands import Train

    if not wait:
        _do(Train(), config, assignments)
        return
    live = sys.stdout.isatty()
    for event in do_and_follow(Train(), config, assignments, "Training goes on"):
        if event.kind == "progress" and live:
            typer.echo(f"\r\x1b[K{event.message}", nl=False)
        if event.outcome is not None:
            if live:
                typer.echo("\r\x1b[K", nl=False)
            tell(event)
            return


def pause(config: ConfigFile = None, assignments: Assignments = None) -> None:
    """Let training rest.

    Example: harpi pause
    """
    from harpi.commands import Pause

    _do(Pause(), config, assignments)


def resume(config: ConfigFile = None, assignments: Assignments = None) -> None:
    """Go on with training.

    Example: harpi resume
    """
    from harpi.commands import Resume

    _do(Resume(), config, assignments)


def cancel(config: ConfigFile = None, assignments: Assignments = None) -> None:
    """Cancel the take that is being recorded, or the training.

    Example: harpi cancel
    """
    from harpi.commands import Cancel

    _do(Cancel(), config, assignments)


def forget(
    label: Annotated[
        str | None,
        typer.Argument(
            metavar="[LABEL]",
            help="Forget this one only.",
            show_default=False,
            autocompletion=completion.labels,
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    config: ConfigFile = None,
    assignments: Assignments = None,
) -> None:
    """Forget what was learnt and delete all takes, or one label.

    Example: harpi forget walking --yes
    """
    from harpi.commands import Forget, Status

    settings = load_settings(config, assignments).config
    if not yes:
        with session_of(settings) as ask:
            counts = ask(Status()).situation.labels
        takes = sum(c.takes + c.tests for c in counts if label in (None, c.label))
        what = f"the label {label}" if label else "everything"
        typer.confirm(f"Forget {what} and delete {takes} takes?", abort=True)
    do(settings, Forget(label=label, confirmed=True))


def mount(
    position: Position = None, config: ConfigFile = None, assignments: Assignments = None
) -> None:
    """Begin a new session after the strap was put on again.

    Example: harpi mount --position right_arm
    """
    from harpi.commands import Mount

    _do(Mount(position=position), config, assignments)


# --- how it is done ---------------------------------------------------------------------


def _runtime(config: Path | None, assignments: list[str] | None) -> Path:
    """Find the folder of the daemon's socket."""
    return load_settings(config, assignments).config.paths.runtime_folder


def _do(command: Command, config: Path | None, assignments: list[str] | None) -> None:
    """Send a command and show the answer; what cannot be is said before anybody is asked."""
    from harpi.commands import checked
    from harpi.controls.client import Client

    command = checked(command)
    with Client(_runtime(config, assignments)) as client:
        show(client.ask(command))


def do_and_follow(
    command: Command, config: Path | None, assignments: list[str] | None, interrupted: str
) -> Iterator[Event]:
    """Send a command, show the answer, and give the events that come of it.

    The events that the command itself was answered with are left out.
    """
    from harpi.commands import checked
    from harpi.controls.client import Client

    command = checked(command)
    folder = _runtime(config, assignments)
    with Client(folder) as follower, Client(folder) as client:
        follower.begin_to_follow()
        answer = client.ask(command)
        show(answer)
        with _going_on(interrupted):
            seen = False
            for event in follower.events():
                if seen:
                    yield event
                own = event.kind == "answer" and event.message == answer.message
                seen = seen or own


@contextmanager
def _going_on(what: str) -> Iterator[None]:
    """Say that Ctrl-C ends the waiting and nothing else."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(f"\n{what}; `harpi stop` or `harpi cancel` ends it.", err=True)
        raise typer.Exit(INTERRUPTED) from None


def tell(event: Event) -> None:
    """Show how it ended.

    Raises:
        CommandRefused: it failed.
    """
    if not event.ok:
        raise CommandRefused(event.message.rstrip("."))
    typer.echo(event.message)
    warn(event.warnings)
    for point in event.advice:
        typer.echo(f"- {point}")
