"""`harpi start`: the first run, step by step."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from harpi.cli import completion
from harpi.cli.options import Assignments, ConfigFile, load_settings
from harpi.errors import CommandRefused

if TYPE_CHECKING:
    from pathlib import Path

    from harpi.commands import Event, Guide, GuideStep, Situation
    from harpi.config.schema import Config

COUNTDOWN: Final = 3
"""Seconds between the word and the take: time to put the hands down."""

MOST_FAILURES: Final = 3
"""Refused steps in a row, after which somebody should look."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(start)


def start(
    activities: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ACTIVITY]...",
            help="What to teach, two activities or more; else it asks.",
            autocompletion=completion.labels,
        ),
    ] = None,
    position: Annotated[
        str | None,
        typer.Option("--position", "-p", metavar="PLACE", help="Where on the body it is worn."),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Ask nothing, and wait for no key.")
    ] = False,
    config: ConfigFile = None,
    assignments: Assignments = None,
) -> None:
    """Be guided: record each activity twice, train, and test.

    Ctrl-C leaves the guide; what was recorded is kept.

    Example: harpi start walking sitting standing
    """
    from harpi.commands import Guide, Status
    from harpi.controls.client import Client

    settings = load_settings(config, assignments).config
    with Client(settings.paths.runtime_folder) as client:
        situation = client.ask(Status()).situation
    asks = sys.stdin.isatty() and not yes
    labels = activities or _ask_activities(settings, asks=asks)
    if position is None and asks:
        position = typer.prompt("Where do you wear it?", default=situation.position).strip()
    situation = _guide(
        Guide(labels=tuple(labels), position=position or None), config, assignments
    )
    failures = 0
    try:
        while (step := situation.guide) is not None and step.step != "done":
            try:
                situation = _make(step, config, assignments, asks=asks)
                failures = 0
            except CommandRefused as error:
                failures += 1
                if failures == MOST_FAILURES:
                    raise
                typer.echo(f"{error}")
                typer.echo("Once more.")
        if situation.guide is not None:
            typer.echo(f"\n{situation.guide.message}")
    finally:
        _guide(Guide(), config, assignments, quiet=True)


def _ask_activities(settings: Config, *, asks: bool) -> list[str]:
    known = list(settings.learning.labels)
    if not asks:
        return known
    said = typer.prompt("What shall harpi know? Two activities or more", ", ".join(known))
    return [label.strip() for label in said.split(",") if label.strip()]


def _make(
    step: GuideStep, config: Path | None, assignments: list[str] | None, *, asks: bool
) -> Situation:
    """Do a step; return how things stand then.

    Raises:
        CommandRefused: it was not done.
    """
    from harpi.cli.session import do_and_follow, tell
    from harpi.commands import Evaluate, Record, Train

    count = f" ({step.number} of {step.of})" if step.of > 1 else ""
    typer.echo(f"\n{step.message}{count}")
    if step.step in ("record", "test") and step.label is not None:
        if asks:
            typer.prompt("Press Enter, then do it", "", show_default=False, prompt_suffix=" ")
        for left in range(COUNTDOWN, 0, -1):
            typer.echo(f"{left} ...{chr(7) if asks else ''}")
            time.sleep(1)
        command = Record(
            label=step.label, seconds=step.seconds, test=step.step == "test", new=True
        )
        events = do_and_follow(command, config, assignments, "The take goes on")
        last = next(e for e in events if e.situation.state not in ("recording", "testing"))
    elif step.step == "train":
        events = do_and_follow(Train(), config, assignments, "Training goes on")
        last = next(event for event in events if event.outcome is not None)
    else:
        events = do_and_follow(Evaluate(), config, assignments, "The evaluation goes on")
        last = next(event for event in events if _is_evaluated(event))
    tell(last)
    return last.situation


def _is_evaluated(event: Event) -> bool:
    return event.evaluation is not None or not event.situation.evaluating


def _guide(
    guide: Guide, config: Path | None, assignments: list[str] | None, *, quiet: bool = False
) -> Situation:
    """Begin or end the guide; return how things stand then.

    Raises:
        CommandRefused: it was not done.
    """
    from harpi.cli.asking import show
    from harpi.commands import checked
    from harpi.controls.client import Client

    command = checked(guide)
    folder = load_settings(config, assignments).config.paths.runtime_folder
    with Client(folder) as client:
        answer = client.ask(command)
    if not quiet:
        show(answer)
    return answer.situation
