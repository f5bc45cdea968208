"""`harpi export` and `harpi import`: takes out of the store, and into it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from harpi.cli.options import Assignments, ConfigFile
from harpi.cli.selection import (
    Label,
    Numbers,
    Position,
    Session,
    Since,
    Split,
    SplitName,
    select,
    takes_to_change,
    takes_to_read,
)

FormatName = Literal["npz", "csv"]


def register(app: typer.Typer) -> None:
    """Add both commands."""
    app.command("export")(export_takes)
    app.command("import")(import_takes)


def export_takes(
    target: Annotated[
        Path,
        typer.Argument(
            metavar="TARGET",
            help="A new folder, a name in .zip, or in .npz or .csv for one recording.",
        ),
    ],
    takes: Numbers = None,
    config: ConfigFile = None,
    assignments: Assignments = None,
    kind: Annotated[
        FormatName, typer.Option("--format", "-f", help="Of the files in a folder or .zip.")
    ] = "npz",
    label: Label = None,
    position: Position = None,
    session: Session = None,
    split: Split = None,
    since: Since = None,
) -> None:
    """Write takes as files: one for each, with a README that explains them.

    Example: harpi export walks.zip --label walking
    """
    from harpi.cli.takes import counted
    from harpi.cli.terminal import progress
    from harpi.store.export import export

    with takes_to_read(config, assignments) as store:
        found = select(
            store,
            takes,
            label=label,
            position=position,
            session=session,
            split=split,
            since=since,
        )
        with progress("Exporting") as on_progress:
            export(store, found, target, kind=kind, on_progress=on_progress)
    typer.echo(f"Exported {counted(len(found))} to {target}.")


def import_takes(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE", help="Recordings (.npz, .csv), folders of them, or exports (.zip)."
        ),
    ],
    config: ConfigFile = None,
    assignments: Assignments = None,
    label: Annotated[
        str | None, typer.Option("--label", "-l", help="Activity of a file that names none.")
    ] = None,
    subject: Annotated[
        str | None, typer.Option("--subject", help="Only this wearer of the file.")
    ] = None,
    position: Annotated[
        str | None,
        typer.Option(
            "--position", "-p", help="Only this place; or the place, where the file names none."
        ),
    ] = None,
    split: Annotated[
        SplitName, typer.Option("--split", help="What takes are for that do not say so.")
    ] = "train",
) -> None:
    """Add recordings to the takes: all that is in the files, or nothing.

    Example: harpi import walks.zip
    """
    from harpi.cli.takes import counted
    from harpi.cli.terminal import progress
    from harpi.store.importing import Choice, import_files

    choice = Choice(subject=subject, position=position, label=label, split=split)
    with (
        takes_to_change(config, assignments, make=True) as store,
        progress("Importing") as on_progress,
    ):
        done = import_files(store, files, choice, on_progress=on_progress)
    typer.echo(f"Imported {counted(done.takes)} of {done.seconds:.0f} s.")
    if done.known:
        typer.echo(f"Left out {counted(done.known)} whose samples are in the store already.")
    if done.unlabelled:
        typer.echo(
            f"Left out {done.unlabelled:.0f} s that the files give no label for; "
            "--label names them."
        )
