"""Images as the bases take them: a folder of images for each class, or one folder of images."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from harpi.types import FloatArray
from harpi_models.errors import DataRefused

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".gif")


@dataclass(frozen=True, slots=True, eq=False)
class LabelledImages:
    """Images of several classes.

    Attributes:
        values: float32 ``[n, S, S, 3]``, pixels 0..255.
        labels: names of the classes, those of the folders.
        label: class of each image.
        paths: where each came from.
    """

    values: FloatArray
    labels: tuple[str, ...]
    label: tuple[int, ...]
    paths: tuple[Path, ...]


def read_image(path: Path, size: int) -> FloatArray:
    """Read an image, its shorter side scaled to the size, the middle of the longer cut out.

    Returns:
        float32 ``[size, size, 3]``, pixels 0..255.

    Raises:
        DataRefused: missing, or no image that can be decoded.
    """
    try:
        pixels = tf.io.decode_image(path.read_bytes(), channels=3, expand_animations=False)
    except OSError as error:
        raise DataRefused(f"cannot be read: {error.strerror}", where=str(path)) from error
    except tf.errors.InvalidArgumentError as error:
        raise DataRefused(
            "no image that can be decoded",
            where=str(path),
            remedy=f"Use {', '.join(e[1:] for e in ENDINGS)}, or remove the file",
        ) from error
    side = min(int(pixels.shape[0]), int(pixels.shape[1]))
    top, left = (int(pixels.shape[0]) - side) // 2, (int(pixels.shape[1]) - side) // 2
    square = tf.cast(pixels[top : top + side, left : left + side], tf.float32)
    return np.asarray(tf.image.resize(square, (size, size), antialias=True), np.float32)


def read_classes(folder: Path, size: int) -> LabelledImages:
    """Read a folder that holds one folder of images for each class.

    Raises:
        DataRefused: there are not two classes with images, or an image is damaged.
    """
    classes = sorted(p for p in _entries(folder) if p.is_dir() and list(_images(p)))
    if len(classes) < 2:
        raise DataRefused(
            f"holds {len(classes)} folders with images",
            where=str(folder),
            remedy="Make a folder for each class, at least two, and put its images there",
        )
    paths = [(path, i) for i, c in enumerate(classes) for path in sorted(_images(c))]
    return LabelledImages(
        values=np.stack([read_image(path, size) for path, _ in paths]),
        labels=tuple(c.name for c in classes),
        label=tuple(i for _, i in paths),
        paths=tuple(path for path, _ in paths),
    )


def read_representative(path: Path, shape: tuple[int, ...]) -> FloatArray:
    """Windows to find the ranges of int8 with: an ``.npy``, or a folder of images.

    Raises:
        DataRefused: nothing usable is there.
    """
    if path.is_dir():
        if len(shape) != 3:
            raise DataRefused(
                "this base takes windows, not images",
                where=str(path),
                remedy=f"Give an .npy of shape [N, {', '.join(map(str, shape))}]",
            )
        found = sorted(p for p in path.rglob("*") if p.suffix.lower() in ENDINGS)
        if not found:
            raise DataRefused("holds no images", where=str(path))
        return np.stack([read_image(p, shape[0]) for p in found])
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataRefused(
            f"cannot be read: {error}", where=str(path), remedy="Write it with numpy.save"
        ) from error
    return np.asarray(values, np.float32)


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise DataRefused(
            f"cannot be read: {error.strerror}", where=str(folder), remedy="Check the path"
        ) from error


def _images(folder: Path) -> Iterable[Path]:
    return (p for p in folder.iterdir() if p.suffix.lower() in ENDINGS)
