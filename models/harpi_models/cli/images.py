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
    augment: Annotated[
        int,
        typer.Option("--augment", min=0, help="Varied copies of each image to learn, too."),
    ] = 0,
    minimum: Annotated[
        int, typer.Option("--minimum", min=1, help="Images that each class must have.")
    ] = 5,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Draw the training's course as SVG."),
    ] = None,
    summary: Annotated[
        bool, typer.Option("--summary", help="Print layers, parameters and sizes.")
    ] = False,
) -> None:
    """Teach an image model your own classes, then ask it.

    The head is trained by the trainer that runs on the device. Without a folder and without a
    head, the base answers with its own labels.
    """
    from harpi.recognition.model_file import ModelFile
    from harpi.recognition.trainable import TrainableModel
    from harpi_models.errors import DataRefused
    from harpi_models.output import require_writable, write_result, writing

    file = ModelFile.read(model)
    if folder is None and head is None and not classify and not summary:
        raise DataRefused(
            "there is nothing to learn from",
            where="images",
            remedy="Give a folder of images for each class, a --head that was learnt before, "
            "or an image to --classify",
        )
    if folder is None and plot is not None:
        raise DataRefused("--plot draws a training", where="images", remedy="Give a folder")
    for target in (head if folder is not None else None, plot):
        if target is not None:
            require_writable(target.parent)

    from harpi_models.backend import require_tensorflow

    require_tensorflow()
    from harpi_models import image_learning
    from harpi_models.images import read_image

    if summary:
        for line in image_learning.summary(file):
            typer.echo(line)
    size = image_learning.image_size(file)
    new = [(path, read_image(path, size)) for path in classify or ()]
    typer.echo(f"base {file.metadata.name}")
    trained = None
    if folder is not None:
        lesson = image_learning.learn_images(
            file,
            folder,
            epochs=epochs,
            learning_rate=learning_rate,
            augment=augment,
            minimum=minimum,
            tell=typer.echo,
        )
        trained = lesson.model
        if plot is not None:
            write_result(plot, image_learning.plot(lesson).encode())
            typer.echo(f"plot: {plot}")
        if head is not None:
            with writing(head):
                trained.save(head)
            typer.echo(f"head: {head}")
    elif head is not None:
        trained = TrainableModel(file)
        trained.load(head)
    for path, image in new:
        if trained is None:
            found = image_learning.own_answer(file, image)
        else:
            found = trained.predict(image)
        shown = ", ".join(f"{label} {share:.3f}" for label, share in found)
        typer.echo(f"{path}: {shown}")
