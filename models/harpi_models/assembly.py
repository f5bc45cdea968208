"""From the options of `harpi-models convert` to the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

from harpi import shipped
from harpi_models.applications import application_base, modules
from harpi_models.bases import Base, BaseOptions
from harpi_models.converter import convert_model
from harpi_models.errors import HeadRefused, WeightsUnreachable
from harpi_models.file_base import FileBase
from harpi_models.heads import Head, Tail
from harpi_models.images import read_representative
from harpi_models.options import ACCEL_UNITS, GYRO_UNITS, Options
from harpi_models.preprocessing import asked_for
from harpi_models.quantization import Quantization
from harpi_models.saved_models import base_from_path, head_from_path

FILE_NAME = "model.tflite"
IMAGE_SIZE = 224
"""Side of the images of a `keras.applications` base where none is said."""


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
    head, tail = _head(options, progress)
    base = _base(options, tail, progress)
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
        allow_difference=options.allow_difference,
        progress=progress,
    )
    path = (options.out or Path()) / FILE_NAME
    converted.write(path)
    return path


def _head(options: Options, progress: Callable[[str], None]) -> tuple[Head, Tail | None]:
    if options.head_path is None:
        return options.made_head(), None
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
    if found.logits:
        progress("note: the head ends without a softmax; one is added, training needs it")
    head = found.head.penalised(options.penalty) if asked else found.head
    return head, found.tail


def _base(
    options: Options, tail: Tail | None, progress: Callable[[str], None]
) -> Base | FileBase:
    if options.harpi:
        path = shipped.path("models/generic.tflite")
        return _file_base(path, options, tail)
    if options.base_path is not None and options.base_path.suffix == ".tflite":
        return _file_base(options.base_path, options, tail)
    said = _said(options, tail, progress)
    if options.base_path is not None:
        return base_from_path(options.base_path, **said)
    name = "MobileNetV2" if options.mobilenet else str(options.application)

    def build(weights: str | Path | None) -> Base:
        return application_base(
            name,
            image_size=options.image_size or IMAGE_SIZE,
            alpha=options.alpha,
            weights=weights,
            **said,
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


def _file_base(path: Path, options: Options, tail: Tail | None) -> FileBase:
    if tail is not None:
        raise HeadRefused(
            f"it begins with {tail.layers}, and the base of a model file gives a vector",
            where=str(options.head_path),
            remedy="Leave those layers out, or give the network that the base was made from",
        )
    return FileBase.read(path, name=options.name, version=options.version)


def _said(options: Options, tail: Tail | None, progress: Callable[[str], None]) -> BaseOptions:
    """What the options say about a network."""
    said: BaseOptions = {
        "cut": options.cut,
        "labels": options.label_list(),
        "length": options.length or options.image_size,
        "axes": options.axes.split(",") if options.axes else None,
        "accel_scale": ACCEL_UNITS[options.accel_unit],
        "gyro_scale": GYRO_UNITS[options.gyro_unit],
        "vector": options.vector,
        "tail": tail,
        "tell": progress,
    }
    asked = options.input_range or options.preprocess
    if asked is not None:
        said["preprocessing"] = asked_for(asked, modules())
    if options.rate is not None:
        said["rate"] = options.rate
    if options.name is not None:
        said["name"] = options.name
    if options.version is not None:
        said["version"] = options.version
    return said
