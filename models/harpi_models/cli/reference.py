"""`harpi-models reference`: what the nearest neighbours know from the start."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("reference", no_args_is_help=True)(reference)


def reference(
    recordings: Annotated[
        list[Path], typer.Argument(metavar="RECORDING...", help="Labelled .npz or .csv files.")
    ],
    model: Annotated[
        Path, typer.Option("--model", metavar="MODEL", help="The base, which says the windows.")
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="Where the reference is written.")
    ] = Path("knn_reference.safetensors"),
    centroids: Annotated[
        int, typer.Option("--centroids", min=1, help="For each activity, at most.")
    ] = 8,
) -> None:
    """Make the kNN's reference for a base with windows of its own.

    The daemon reads it where `models.knn_reference` names it.
    """
    from harpi.recognition.classifiers import imu_input
    from harpi.recognition.model_file import ModelFile
    from harpi.recording.recording import read_each
    from harpi_models.output import require_writable, writing
    from harpi_models.reference import reference_of

    require_writable(out.parent)
    window = imu_input(ModelFile.read(model))
    known = [recording for path in recordings for recording in read_each(path)]
    made = reference_of(known, rate=window.rate, length=window.length, centroids=centroids)
    with writing(out):
        made.write(out)
    typer.echo(
        f"{out}: {len(made.centroids)} centroids of {', '.join(made.labels)}, windows of "
        f"{window.length} samples at {window.rate:g} Hz"
    )
