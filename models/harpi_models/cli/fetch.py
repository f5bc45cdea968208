"""`harpi-models fetch`: the data sets' originals, in the layout that training reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from harpi_models.cli.progress import Show, progress_bar
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
    from harpi_models.datasets.sources import (
        SOURCES,
        announced_size,
        checksum,
        find,
        obtain,
    )
    from harpi_models.datasets.writing import to_layout
    from harpi_models.output import require_writable, write_result

    chosen = list(names or SOURCES)
    for name in chosen:
        if name not in SOURCES:
            raise DataRefused(
                f"there is no data set {name!r}",
                where="fetch",
                remedy=f"Choose from {', '.join(SOURCES)}",
            )
    require_writable(to)
    originals = to / "originals" if source is None else source
    missing = [n for n in chosen if not (originals / SOURCES[n].file).exists()]
    for name in chosen:
        asked = announced_size(SOURCES[name]) if source is None and name in missing else None
        typer.echo(SOURCES[name].describe(asked))
    question = f"Download {', '.join(missing)} to {originals}?"
    if source is None and missing and not yes and not typer.confirm(question):
        raise typer.Exit(1)
    for name in chosen:
        if source is None:
            with progress_bar() as show:
                archive = obtain(SOURCES[name], originals, _telling(name, show))
        else:
            archive = find(SOURCES[name], source)
        if SOURCES[name].sha256 is None:
            typer.echo(f"{name}: sha256 {checksum(archive)}")
        typer.echo(f"{name}: converting ...")
        rate, _ = READERS[name]
        content = to_layout(CATALOGUE[name], rate, stretches(name, archive))
        path = to / f"{name}.npz"
        write_result(path, content)
        typer.echo(f"{name}: {path}, {len(content) / 1e6:.1f} MB")


def _telling(name: str, show: Show) -> Callable[[int, int | None], None]:
    """Tell of every tenth megabyte."""
    from harpi_models.datasets.sources import CHUNK

    def tell(arrived: int, total: int | None) -> None:
        if arrived == total or arrived % (10 * CHUNK) < CHUNK:
            of_total = f" of {total / 1e6:.0f}" if total else ""
            show(f"{name}: {arrived / 1e6:.0f}{of_total} MB", arrived / total if total else 0.0)

    return tell
