"""`harpi-models study`: what personalisation buys, beside what one would take instead."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from harpi_models.cli.progress import progress_bar


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("study")(study)


def study(
    data: Annotated[
        Path, typer.Option("--data", metavar="DIR", help="Folder with the sets' .npz files.")
    ],
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Few people, and bases with a short training: minutes."),
    ] = False,
    bases: Annotated[
        Path | None,
        typer.Option(
            "--bases",
            metavar="DIR",
            help="Bases that are there already: the folder `runs` that `harpi-models train` "
            "left. What it lacks is trained.",
        ),
    ] = None,
    out: Annotated[
        Path,
        typer.Option("--out", metavar="DIR", help="State and page; resumed if there."),
    ] = Path("studied"),
    page: Annotated[
        Path | None,
        typer.Option(
            "--page",
            metavar="FILE",
            help="The page, its pictures in `images` beside it; by default study.md in "
            "OUT/full or OUT/quick.",
        ),
    ] = None,
    so_far: Annotated[
        bool,
        typer.Option("--so-far", help="Measure nothing; write the page of what was measured."),
    ] = False,
    seed: Annotated[int, typer.Option("--seed", help="Of everything random.")] = 1,
) -> None:
    """Compare personal, kNN and generic with what one would take instead, on strangers.

    Everyone is recognised by a base that never saw them. May be ended at any time; the same
    command goes on where it was.
    """
    # Small matrices are slower on several threads, and much slower beside other programs.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from dataclasses import replace

    from harpi_models.errors import DataRefused, WorkshopError
    from harpi_models.output import require_writable, write_result
    from harpi_models.study.fold_bases import StudyData
    from harpi_models.study.page import headline
    from harpi_models.study.page import page as write_page
    from harpi_models.study.peers import require_libraries
    from harpi_models.study.plan import FULL, QUICK
    from harpi_models.study.run import study as run

    if bases is not None and not bases.is_dir():
        raise DataRefused(
            "there is no such folder",
            where=str(bases),
            remedy="Give the folder `runs` that `harpi-models train` left, or no --bases",
        )
    require_libraries()
    require_writable(out)
    plan = replace(QUICK if quick else FULL, seed=seed)
    state = out / ("quick" if quick else "full")
    with progress_bar() as progress:
        found = run(StudyData(data), state, plan, given=bases, so_far=so_far, progress=progress)
    if not found.known:
        raise WorkshopError(
            "nothing was measured yet", where=str(state), remedy="Leave --so-far out"
        )
    path = page or state / "study.md"
    text, pictures = write_page(found)
    for name, picture in pictures.items():
        write_result(path.parent / "images" / name, picture.encode())
    write_result(path, text.encode())
    typer.echo(headline(found))
    typer.echo(f"page: {path}")
