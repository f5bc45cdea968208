"""From the options of `harpi-models convert` to the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

from harpi import shipped
from harpi_models.applications import application_base
from harpi_models.bases import Base
from harpi_models.converter import convert_model
from harpi_models.errors import HeadRefused, WeightsUnreachable
from harpi_models.file_base import FileBase
from harpi_models.heads import Head
from harpi_models.images import read_representative
from harpi_models.options import Options
from harpi_models.quantization import Quantization
from harpi_models.saved_models import base_from_path, head_from_path

FILE_NAME = "model.tflite"


def convert_with(options: Options, *, progress: Callable[[str], None]) -> Path:
    """Convert and write.

    Args:
        options: checked.
        progress: told what was done.

    Returns:
        Where the file is.

    Raises:
        WorkshopError: the base, the head or the file was refused, or cannot be written.
    """
    head = _head(options, progress)
    base = _base(options, progress)
    representative = None
    if options.representative is not None:
        representative = read_representative(options.representative, base.window_shape)
    converted = convert_model(
        base,
        head,
        options.made_optimizer(),
        quantization=cast("Quantization", options.quantization_kind),
        representative=representative,
        batch_size=options.batch_size,
        progress=progress,
    )
    path = (options.out or Path()) / FILE_NAME
    converted.write(path)
    return path


def _head(options: Options, progress: Callable[[str], None]) -> Head:
    if options.head_path is None:
        return options.made_head()
    found = head_from_path(options.head_path)
    if options.classes is not None and found.classes != options.classes:
        raise HeadRefused(
            f"it has {found.classes} classes, --num_classes says {options.classes}",
            where=str(options.head_path),
            remedy="Leave out --num_classes, or build the head for as many",
        )
    asked = options.l1 is not None or options.l2 is not None
    if not found.bare and asked:
        raise HeadRefused(
            "it brings its own penalties, --head_l1_reg and --head_l2_reg ask for others",
            where=str(options.head_path),
            remedy="Leave them out, or change the penalties of the Keras model",
        )
    if found.bare and not asked:
        progress(
            "note: this SavedModel holds the head's computation only, no penalties and no "
            "dropout; save it as .keras to keep them, or give --head_l2_reg"
        )
    return found.head.penalised(options.penalty) if asked else found.head


def _base(options: Options, progress: Callable[[str], None]) -> Base | FileBase:
    labels = options.label_list()
    if options.harpi:
        return FileBase.read(shipped.path("models/generic.tflite"))
    if options.base_path is not None:
        if options.base_path.suffix == ".tflite":
            return FileBase.read(options.base_path)
        return base_from_path(
            options.base_path, cut=options.cut, labels=labels, rate=options.rate
        )
    name = "MobileNetV2" if options.mobilenet else str(options.application)

    def build(weights: str | Path | None) -> Base:
        return application_base(
            name,
            image_size=options.image_size,
            alpha=options.alpha,
            weights=weights,
            cut=options.cut,
            labels=labels,
        )

    if options.weights == "none":
        return build(None)
    if options.weights not in ("auto", "imagenet"):
        return build(Path(options.weights))
    try:
        return build("imagenet")
    except WeightsUnreachable:
        if options.weights == "imagenet":
            raise
        base = build(None)
        progress(
            "warning: ImageNet's weights cannot be had here, the base gets random ones; give "
            "--base_weights FILE for a base that sees anything"
        )
        return base
