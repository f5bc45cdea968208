"""`harpi demo`: see harpi work, without a Pi."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    fast: Annotated[
        bool, typer.Option("--fast", help="On virtual time, as fast as this computer can.")
    ] = False,
    speed: Annotated[
        float,
        typer.Option(
            metavar="FACTOR", min=0.5, max=8.0, help="How many times faster than real time."
        ),
    ] = 4.0,
    json: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON only.")
    ] = False,
    subject: Annotated[
        str, typer.Option(metavar="NAME", help="Whose recording is played.")
    ] = "25",
    recording: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Play this one; it needs two labelled sittings."),
    ] = None,
    page: Annotated[
        bool,
        typer.Option(
            help="Serve the page to this computer, and open it on a desktop; not with --fast "
            "or --json."
        ),
    ] = True,
) -> None:
    """Play a recording through an emulated chip and three models.

    A stranger wears the strap; the strap is turned; the wearer teaches harpi by pressing
    buttons; and the personal answers come right. No Pi, no sensor and no root are needed.
    For as long as you look at the page, the wearer then goes on, and does what you record.

    Example: harpi demo --fast
    """
    import logging

    import msgspec

    from harpi.demo.runner import SceneScore
    from harpi.demo.screen import Screen, Silence, report
    from harpi.demo.setup import set_up

    logging.disable(logging.WARNING)
    for number in (signal.SIGTERM, signal.SIGHUP):  # the broker is to end, too
        signal.signal(number, lambda *_: sys.exit(143))
    score = SceneScore()
    screen = Screen(score)
    with set_up(
        Silence() if json else screen,
        score,
        subject=subject,
        speed=None if fast else speed,
        recording=recording,
        page=page and not fast and not json and _can_be_served(),
    ) as play:
        if play.page is not None:
            screen.say(f"The page is at {play.page} and has buttons, too.")
            open_on_desktop(play.page)
        outcome = play.perform()
        if json:
            typer.echo(msgspec.json.encode(outcome.as_dict()))
        else:
            screen.say(report(outcome))
        if play.is_watched():
            screen.say(
                "\nThe wearer goes on while you look at the page, and does what you record "
                "there. Ctrl-C ends it."
            )
            with contextlib.suppress(KeyboardInterrupt):
                play.encore()


def _can_be_served() -> bool:
    """Whether the extra `web` is installed."""
    from importlib.util import find_spec

    return all(find_spec(name) for name in ("starlette", "uvicorn"))


def open_on_desktop(address: str) -> None:
    """Open a page in a browser, where a person sits before a desktop of this computer."""
    import subprocess

    if not sys.stdout.isatty() or {"CI", "SSH_CONNECTION", "SSH_TTY"} & set(os.environ):
        return
    if sys.platform == "darwin":
        opener = "open"
    elif {"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ):
        opener = "xdg-open"
    else:
        return
    if (binary := shutil.which(opener)) is not None:
        subprocess.Popen(  # noqa: S603 - the desktop's own way to open a page of ours
            [binary, address],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
