"""The stages of a base as TensorFlow Lite files, their weights as they are or smaller."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import tensorflow as tf

from harpi.types import FloatArray
from harpi_models.errors import ConversionRefused
from harpi_models.signatures import convert

Quantization = Literal["none", "float16", "dynamic", "int8"]
BYTES_PER_WEIGHT: dict[str, int] = {"none": 4, "float16": 2, "dynamic": 1, "int8": 1}
CALIBRATION_BATCH = 32
SIGNATURE = "base"


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """One frozen part of a base.

    Attributes:
        function: takes and gives tensors by name, as keyword arguments and as a dictionary.
        inputs: specification of each input, batch first and open.
        outputs: names of what it gives.
        quantize: whether its weights may be quantised.
        weight_values: how many numbers its kernels and matrices hold. Vectors do not count:
            those of a batch normalisation are folded into its neighbours.
    """

    function: Callable[..., dict[str, Any]]
    inputs: Mapping[str, Any]
    outputs: tuple[str, ...]
    quantize: bool
    weight_values: int


StageFile = tuple[bytes, str]
"""A TensorFlow Lite file, and the signature in it that is the stage."""


def stage_files(
    stages: Sequence[Stage],
    shape: Sequence[int],
    quantization: Quantization = "none",
    representative: FloatArray | None = None,
) -> list[StageFile]:
    """Convert every stage of a base into a TensorFlow Lite file.

    Args:
        stages: from the window to the features.
        shape: of one window.
        quantization: of the stages that allow it.
        representative: windows to find the ranges of int8 with, ``[N, *shape]``.

    Returns:
        For each stage the file and the name of its signature.

    Raises:
        ConversionRefused: int8 without representative windows, or of another shape.
    """
    if quantization == "int8":
        _check_representative(shape, representative)
    files = []
    known: dict[str, Any] = {}
    if representative is not None:
        known["window"] = tf.constant(representative)
    for stage in stages:
        feed = {name: known[name] for name in stage.inputs} if known else None
        kind: Quantization = quantization if stage.quantize else "none"
        files.append((_stage_file(stage, kind, feed), SIGNATURE))
        if feed is not None:
            known |= stage.function(**feed)
    return files


def _stage_file(stage: Stage, quantization: Quantization, feed: dict[str, Any] | None) -> bytes:
    signature = {SIGNATURE: (stage.function, stage.inputs)}
    optimize = [tf.lite.Optimize.DEFAULT]
    if quantization == "float16":
        return convert(signature, optimizations=optimize, supported_types=[tf.float16])
    if quantization == "dynamic":
        return convert(signature, optimizations=optimize)
    if quantization == "int8" and feed is not None:
        ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8, tf.lite.OpsSet.TFLITE_BUILTINS]
        return convert(
            signature,
            optimizations=optimize,
            supported_ops=ops,
            representative=_batches(feed),
        )
    return convert(signature)


def _batches(feed: dict[str, Any]) -> Callable[[], Iterator[tuple[str, dict[str, Any]]]]:
    count = len(next(iter(feed.values())))

    def generate() -> Iterator[tuple[str, dict[str, Any]]]:
        for i in range(0, count, CALIBRATION_BATCH):
            yield SIGNATURE, {name: x[i : i + CALIBRATION_BATCH] for name, x in feed.items()}

    return generate


def _check_representative(shape: Sequence[int], representative: FloatArray | None) -> None:
    if representative is None:
        raise ConversionRefused(
            "int8 needs representative windows to find its ranges with",
            where="base quantisation",
            remedy="Give some hundred windows or images of the kind that the base will see",
        )
    if representative.shape[1:] != tuple(shape) or len(representative) == 0:
        raise ConversionRefused(
            f"the representative windows are {list(representative.shape)}",
            where="base quantisation",
            remedy=f"This base wants [N, {', '.join(map(str, shape))}]",
        )
