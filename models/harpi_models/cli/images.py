"""`harpi-models images`: a folder of images per class, learnt by the trainer of the device."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harpi_models.cli.convert import both


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("images")(images)


def images(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="What `convert` made of an image base.")
    ],
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FOLDER]",
            help="Holds one folder of images for each class; left out where --head was learnt.",
        ),
    ] = None,
    classify: Annotated[
        list[Path] | None,
        typer.Option("--classify", metavar="IMAGE", help="Then classify this; repeatable."),
    ] = None,
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="Rounds of training.")] = 30,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            *both("learning_rate"), help="Of every step; what the model suggests by default."
        ),
    ] = None,
    head: Annotated[
        Path | None, typer.Option("--head", metavar="FILE", help="Where the head is kept.")
    ] = None,
) -> None:
    """Teach an image model your own classes, then ask it.

    The head is trained by the trainer that runs on the device.
    """
    from harpi.recognition.model_file import ModelFile
    from harpi.recognition.trainable import TrainableModel
    from harpi_models.errors import DataRefused
    from harpi_models.output import require_writable, writing

    file = ModelFile.read(model)
    if folder is None and head is None:
        raise DataRefused(
            "there is nothing to learn from",
            where="images",
            remedy="Give a folder of images for each class, or a --head that was learnt before",
        )
    if folder is not None and head is not None:
        require_writable(head.parent)

    from harpi_models.backend import require_tensorflow

    require_tensorflow()
    from harpi_models.image_learning import image_size, learn_images
    from harpi_models.images import read_image

    new = [(path, read_image(path, image_size(file))) for path in classify or ()]
    typer.echo(f"base {file.metadata.name}")
    if folder is not None:
        trained = learn_images(
            file, folder, epochs=epochs, learning_rate=learning_rate, tell=typer.echo
        )
        if head is not None:
            with writing(head):
                trained.save(head)
            typer.echo(f"head: {head}")
    elif head is not None:
        trained = TrainableModel(file)
        trained.load(head)
    for path, image in new:
        shown = ", ".join(f"{label} {share:.3f}" for label, share in trained.predict(image))
        typer.echo(f"{path}: {shown}")
