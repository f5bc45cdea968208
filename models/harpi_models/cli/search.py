"""`harpi-models search`: reproduce the table of what was tried."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("search")(search)


def search(
    data: Annotated[
        Path, typer.Option("--data", metavar="DIR", help="Folder with the sets' .npz files.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", metavar="DIR", help="Where search.json and search.md go; resumed if there."
        ),
    ] = Path("searched"),
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="ENTRY", help="Only this entry; repeatable."),
    ] = None,
) -> None:
    """Try again what was tried on the way to the shipped base."""
    from harpi_models.backend import require_tensorflow
    from harpi_models.output import require_writable

    require_writable(out)
    require_tensorflow()
    from harpi_models.errors import WorkshopError
    from harpi_models.pipeline import Data
    from harpi_models.recipes import SEARCH
    from harpi_models.search import search as run

    names = [entry.name for entry in SEARCH]
    for name in only or ():
        if name not in names:
            raise WorkshopError(
                f"there is no entry {name!r}",
                where="search",
                remedy=f"Choose from {', '.join(names)}",
            )
    entries = [entry for entry in SEARCH if not only or entry.name in only]
    typer.echo("reading the data sets ...")
    run(Data.read(data), entries, out, tell=typer.echo)
