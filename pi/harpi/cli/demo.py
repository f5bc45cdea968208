"""`harpi demo`: see harpi work, without a Pi."""

from __future__ import annotations

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
        typer.Option(metavar="FACTOR", min=0.5, max=8.0, help="How much faster than life."),
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
) -> None:
    """Play a real recording through an emulated chip, three models and MQTT.

    A stranger wears the strap; the strap is turned; the wearer teaches harpi by pressing
    buttons; and the personal answers come right. No Pi, no sensor and no root are needed.

    Example: harpi demo --fast
    """
    import logging

    import msgspec

    from harpi.demo.score import Score
    from harpi.demo.screen import Screen, Silence, report
    from harpi.demo.stage import perform

    logging.disable(logging.WARNING)
    score = Score()
    outcome = perform(
        Silence() if json else Screen(score),
        score,
        subject=subject,
        speed=None if fast else speed,
        recording=recording,
    )
    typer.echo(msgspec.json.encode(outcome.as_dict()).decode() if json else report(outcome))
