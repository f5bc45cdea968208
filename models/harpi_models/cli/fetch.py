"""`harpi-models fetch`: the data sets' originals, in the layout that training reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harpi_models.errors import DataRefused


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("fetch")(fetch)


def fetch(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[SET]...", help="Which sets; all by default.")
    ] = None,
    to: Annotated[
        Path, typer.Option("--to", metavar="DIR", help="Where the .npz files go.")
    ] = Path("datasets"),
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="DIR", help="Folder with the archives; nothing is downloaded."
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Get the public data sets and convert them.

    Address, size, checksum and licence are shown before anything is downloaded.
    """
    from harpi_models.datasets.catalogue import CATALOGUE
    from harpi_models.datasets.originals import READERS, stretches
    from harpi_models.datasets.sources import SOURCES, checksum, find, obtain
    from harpi_models.datasets.writing import to_layout
    from harpi_models.output import write_result

    chosen = list(names or SOURCES)
    for name in chosen:
        if name not in SOURCES:
            raise DataRefused(
                f"there is no data set {name!r}",
                where="fetch",
                remedy=f"Choose from {', '.join(SOURCES)}",
            )
        typer.echo(SOURCES[name].describe())
    if source is None and not yes and not typer.confirm("Download?"):
        raise typer.Exit(1)
    for name in chosen:
        if source is not None:
            archive = find(SOURCES[name], source)
        else:
            archive = obtain(SOURCES[name], to / "originals", _show)
        if SOURCES[name].sha256 is None:
            typer.echo(f"{name}: sha256 {checksum(archive)}")
        rate, _ = READERS[name]
        content = to_layout(CATALOGUE[name], rate, stretches(name, archive))
        path = to / f"{name}.npz"
        write_result(path, content)
        typer.echo(f"{name}: {path}, {len(content) / 1e6:.1f} MB")


def _show(arrived: int, total: int | None) -> None:
    share = f" of {total / 1e6:.0f}" if total else ""
    typer.echo(f"\r{arrived / 1e6:.0f}{share} MB", nl=arrived == total)
