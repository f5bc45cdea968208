"""`harpi backup` and `harpi restore`: everything that a device has learnt, in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from harpi.cli.options import Assignments, ConfigFile, load_settings

PARTS: Final = (
    "heads",
    "calibration.json",
    "mounting.json",
    "evaluations.jsonl",
    "diary.db",
)
"""What belongs to a backup beside the takes; names within the state folder."""


def register(app: typer.Typer) -> None:
    """Add both commands."""
    app.command()(backup)
    app.command()(restore)


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file, a .zip.")],
    config: ConfigFile = None,
    assignments: Assignments = None,
) -> None:
    """Write takes, heads, calibration and diary into one file.

    The evaluations go with them; harpi may run meanwhile.

    Example: harpi backup harpi.zip
    """
    from harpi.errors import StoreError
    from harpi.privileges import as_caller
    from harpi.store.backup import back_up

    state = load_settings(config, assignments).config.paths.state_folder
    part = file.with_name(file.name + ".part")
    try:
        with as_caller():
            if file.exists():
                raise FileExistsError(0, "there is such a file already")
            part.touch(mode=0o600)
            opened = part.open("wb")
        with opened:
            written = back_up(state, opened, PARTS)
        with as_caller():
            part.rename(file)
    except OSError as error:
        with as_caller():
            part.unlink(missing_ok=True)
        if isinstance(error, StoreError):
            raise
        raise StoreError(
            f"the backup cannot be written ({error.strerror or error})",
            where=str(file),
            remedy="Name a new file on a disk with room",
        ) from error
    typer.echo(f"{file} holds {len(written)} files of {state}.")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="That `harpi backup` wrote.")],
    config: ConfigFile = None,
    assignments: Assignments = None,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", help="Move what is there into a folder of its own; delete nothing."
        ),
    ] = False,
) -> None:
    """Bring back what `harpi backup` wrote, while no harpi runs.

    Example: harpi restore harpi.zip
    """
    from harpi.errors import StoreError
    from harpi.privileges import as_caller
    from harpi.store.backup import bring_back

    state = load_settings(config, assignments).config.paths.state_folder
    try:
        with as_caller():
            opened = file.open("rb")
    except OSError as error:
        raise StoreError(
            f"the backup cannot be read ({error.strerror})",
            where=str(file),
            remedy="Name a file that `harpi backup` wrote",
        ) from error
    with opened:
        aside = bring_back(opened, state, PARTS, replace=replace)
    typer.echo(f"{state} is as {file} has it.")
    if aside is not None:
        typer.echo(f"What was there is in {aside}; delete it when you do not need it.")
