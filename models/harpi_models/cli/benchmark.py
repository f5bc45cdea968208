"""`harpi-models benchmark`: the base beside what one would take instead."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("benchmark")(benchmark)


def benchmark(
    data: Annotated[
        Path, typer.Option("--data", metavar="DIR", help="Folder with the sets' .npz files.")
    ],
    models: Annotated[
        Path,
        typer.Option("--models", metavar="DIR", help="What `harpi-models train` wrote."),
    ] = Path("trained"),
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Also write the table here.")
    ] = None,
) -> None:
    """Compare the base with what one would take instead.

    RandomForest, kNN and MiniRocket learn from the same people; every figure is of people that
    the model never saw.
    """
    from harpi_models.backend import require_tensorflow
    from harpi_models.output import require_writable, write_result

    if out is not None:
        require_writable(out.parent)
    require_tensorflow()
    from harpi_models.benchmark import benchmark as measure
    from harpi_models.benchmark import comparison
    from harpi_models.pipeline import Data

    typer.echo("reading the data sets ...", err=True)
    text = comparison(measure(Data.read(data), models, tell=lambda x: typer.echo(x, err=True)))
    typer.echo(text)
    if out is not None:
        write_result(out, text.encode())
