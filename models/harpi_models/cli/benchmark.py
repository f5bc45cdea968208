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
    without: Annotated[
        list[str] | None,
        typer.Option(
            "--without",
            metavar="SET",
            help="A set that the models were trained without; repeatable.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Also write the table here.")
    ] = None,
) -> None:
    """Ask the base about data sets it never saw, and compare it with its rivals.

    First come the sets that were left out one by one, and how often an answer was wrong without
    doubt. RandomForest, kNN and MiniRocket learn from the same people; every figure is of
    people that the model never saw.
    """
    from harpi_models.backend import require_tensorflow
    from harpi_models.output import require_writable, write_result

    if out is not None:
        require_writable(out.parent)
    require_tensorflow()
    from harpi_models.benchmark import benchmark as measure
    from harpi_models.benchmark import comparison, foreign
    from harpi_models.pipeline import Data

    typer.echo("reading the data sets ...", err=True)

    def tell(line: str) -> None:
        typer.echo(line, err=True)

    sets = Data.read(data, without or ())
    first = foreign(sets, models, tell=tell)
    typer.echo(first)
    text = comparison(measure(sets, models, tell=tell))
    typer.echo(text)
    if out is not None:
        write_result(out, f"{first}\n{text}".encode())
