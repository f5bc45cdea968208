"""`harpi-models train`: the generic base, its figures and its card."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harpi_models.cli.progress import progress_bar


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("train")(train)


def train(
    data: Annotated[
        Path, typer.Option("--data", metavar="DIR", help="Folder with the sets' .npz files.")
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Where base, card and figures go.")
    ] = Path("trained"),
    seed: Annotated[int, typer.Option("--seed", help="Of everything random.")] = 1,
    epochs: Annotated[
        int | None,
        typer.Option("--epochs", min=1, help="At most; the recipe's own by default."),
    ] = None,
    early_stopping: Annotated[
        bool,
        typer.Option(
            "--early-stopping",
            help="Keep one training person in eight aside and stop when they get no better.",
        ),
    ] = False,
    without: Annotated[
        list[str] | None,
        typer.Option(
            "--without",
            metavar="SET",
            help="Learn nothing from this set, for example because of its licence; repeatable.",
        ),
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option(
            "--features",
            metavar="FILE",
            help="Keep the features of this base of harpi, and teach only its classifier.",
        ),
    ] = None,
    figures: Annotated[
        bool,
        typer.Option(
            "--figures/--no-figures",
            help="Also train the bases that the figures are taken from (eleven, shorter).",
        ),
    ] = True,
) -> None:
    """Train the generic base and write its model card.

    It learns from the public data sets that `harpi-models fetch` gets. The same data, seed and
    machine give the same figures.
    """
    from harpi_models.backend import require_tensorflow
    from harpi_models.output import require_writable, write_result

    require_writable(out)
    require_tensorflow()
    from dataclasses import replace

    from harpi_models.card import model_card
    from harpi_models.file_base import FileBase
    from harpi_models.pipeline import Data, Progress, train_and_judge
    from harpi_models.training import Recipe

    recipe = replace(Recipe(), seed=seed, early_stopping=early_stopping)
    if epochs is not None:
        recipe = replace(recipe, epochs=epochs)
    kept = None if features is None else FileBase.read(features)
    typer.echo("reading the data sets ...")
    sets = Data.read(data, without or ())
    with progress_bar() as show:

        def follow(run: str) -> Progress:
            return lambda epoch, epochs, told: show(
                _line(run, epoch, epochs, told), epoch / epochs
            )

        found = train_and_judge(
            sets,
            recipe,
            out,
            features=kept,
            judged=figures,
            tell=typer.echo,
            progress=follow,
        )
    write_result(out / "generic.md", model_card(found).encode())
    typer.echo(f"model card: {out / 'generic.md'}")


def _line(run: str, epoch: int, epochs: int, told: dict[str, float]) -> str:
    values = ", ".join(f"{name} {value:.3f}" for name, value in told.items())
    return f"{run}: epoch {epoch} of {epochs}, {values}"
