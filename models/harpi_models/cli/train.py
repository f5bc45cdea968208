"""`harpi-models train`: the generic base, its figures and its card."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


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
    figures: Annotated[
        bool,
        typer.Option(
            "--figures/--no-figures",
            help="Also train the bases that the figures are taken from (five more trainings).",
        ),
    ] = True,
) -> None:
    """Train the generic base on the public sets and write its model card.

    The same data, seed and machine give the same figures.
    """
    from harpi_models.backend import require_tensorflow

    require_tensorflow()
    from dataclasses import replace

    from harpi_models.card import model_card
    from harpi_models.output import write_result
    from harpi_models.pipeline import Data, train_and_judge
    from harpi_models.training import Recipe

    recipe = replace(Recipe(), seed=seed, early_stopping=early_stopping)
    if epochs is not None:
        recipe = replace(recipe, epochs=epochs)
    found = train_and_judge(
        Data.read(data), recipe, out, judged=figures, tell=typer.echo, progress=_bar
    )
    write_result(out / "generic.md", model_card(found).encode())
    typer.echo(f"model card: {out / 'generic.md'}")


class _Bar:
    """A progress bar over the epochs of one training."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, epoch: int, epochs: int, figures: dict[str, float]) -> None:
        done = round(20 * epoch / epochs)
        values = ", ".join(f"{name} {value:.3f}" for name, value in figures.items())
        bar = f"{'#' * done}{'-' * (20 - done)}"
        typer.echo(f"\r{self._name:>8} [{bar}] {epoch}/{epochs} {values}  ", nl=epoch == epochs)


_bar = _Bar
