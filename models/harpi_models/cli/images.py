"""`harpi-models images`: a folder of images per class, learnt by the trainer of the device."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("images")(images)


def images(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="What `convert` made of an image base.")
    ],
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Holds one folder of images per class.")
    ],
    classify: Annotated[
        list[Path] | None,
        typer.Option("--classify", metavar="IMAGE", help="Then classify this; repeatable."),
    ] = None,
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="Rounds of training.")] = 30,
    head: Annotated[
        Path | None, typer.Option("--head", metavar="FILE", help="Where to keep the head.")
    ] = None,
) -> None:
    """Teach an image model your own classes, as the device would, and classify new images."""
    from harpi.recognition.model_file import ModelFile

    file = ModelFile.read(model)

    from harpi_models.backend import require_tensorflow

    require_tensorflow()
    from harpi_models.errors import OutputFailed
    from harpi_models.image_learning import classify as answer
    from harpi_models.image_learning import learn_images

    trained = learn_images(file, folder, epochs=epochs, tell=typer.echo)
    paths = list(classify or ())
    for path, found in zip(paths, answer(trained, file, paths), strict=True):
        shown = ", ".join(f"{label} {share:.3f}" for label, share in found)
        typer.echo(f"{path}: {shown}")
    if head is not None:
        try:
            trained.save(head)
        except OSError as error:
            raise OutputFailed(
                f"cannot be written: {error.strerror or error}",
                where=str(head),
                remedy="Free some space or choose another place",
            ) from error
        typer.echo(f"head: {head}")
