"""Bases: what turns a window, or an image, into the features that a head learns on.

A base is a chain of frozen stages without variables. Only the stages that say so are
quantised: the signal front end of an IMU base, say, mixes g with degrees per second and would
not survive 8 bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from harpi.recognition.model_file import ImageInput, ImuInput
from harpi.types import FloatArray
from harpi_models.errors import BaseRefused
from harpi_models.quantization import BYTES_PER_WEIGHT, Quantization, StageFile, stage_files
from harpi_models.stages import Stage, freeze


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """A frozen feature extractor, with its own classifier where it has one.

    Attributes:
        name: shown to people.
        input: what a window is.
        features: length of the vector it gives.
        labels: what its own classifier answers with; empty where it has none.
        stages: from `window` to `features` and, with labels, `probabilities`.
        licence: of the weights.
        data: names of the data sets it was trained on.
        version: of the weights.
        unknown_below: confidence under which its classifier's answer means *unknown*.
    """

    name: str
    input: ImuInput | ImageInput
    features: int
    labels: tuple[str, ...]
    stages: tuple[Stage, ...]
    licence: str = ""
    data: tuple[str, ...] = ()
    version: str = "1"
    unknown_below: float | None = None

    @property
    def window_shape(self) -> tuple[int, ...]:
        """Shape of one window."""
        return window_shape(self.input)

    def weight_bytes(self, quantization: Quantization) -> int:
        """The least that a file with its weights must be long."""
        return sum(
            stage.weight_values * BYTES_PER_WEIGHT[quantization if stage.quantize else "none"]
            for stage in self.stages
        )

    def files(
        self, quantization: Quantization, representative: FloatArray | None
    ) -> list[StageFile]:
        """Convert the stages; see `stage_files`."""
        return stage_files(self.stages, self.window_shape, quantization, representative)

    def run(self, windows: FloatArray) -> dict[str, FloatArray]:
        """Compute with TensorFlow what the model file has to reproduce.

        Args:
            windows: ``[N, *window_shape]``.

        Returns:
            `features` ``[N, F]`` and, with labels, `probabilities` ``[N, C]``.
        """
        known: dict[str, Any] = {"window": tf.constant(windows)}
        for stage in self.stages:
            known |= stage.function(**{name: known[name] for name in stage.inputs})
        names = ("features", "probabilities") if self.labels else ("features",)
        return {name: np.asarray(known[name], np.float32) for name in names}


def keras_base(
    model: Any,
    *,
    cut: str | None = None,
    labels: Sequence[str] = (),
    name: str | None = None,
    prepare: Callable[[Any], Any] | None = None,
    rate: float = 25.0,
    licence: str = "",
    data: Sequence[str] = (),
) -> Base:
    """Any functional or sequential Keras model.

    Args:
        model: takes images ``[N, S, S, 3]`` or windows ``[N, T, 6]``.
        cut: name of the layer whose output becomes the features; by default what goes into
            the last Dense layer, or the output where there is none. A map is averaged over its
            places.
        labels: what its softmax answers with; without labels it is only a feature extractor.
        name: shown to people; the model's own by default.
        prepare: puts the input into the range that the model wants.
        rate: samples per second of IMU windows.
        licence: of the weights.
        data: what it was trained on.

    Raises:
        BaseRefused: no such layer, no single input of a known shape, or labels that do not
            match its output.
    """
    label = name or str(model.name)
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise BaseRefused(
            "a base has one input and one output",
            where=label,
            remedy=f"This model has {len(model.inputs)} and {len(model.outputs)}",
        )
    shape = tuple(model.inputs[0].shape)
    features = _pooled(_cut_tensor(model, cut))
    outputs = {"features": features}
    if labels:
        _check_labels(model, labels)
        outputs["probabilities"] = model.outputs[0]
    inner = keras.Model(model.inputs[0], outputs)
    stages = [
        freeze(
            lambda prepared: inner(prepared, training=False),
            {"prepared": shape},
            quantize=True,
        )
    ]
    scale = prepare or (lambda window: window)
    front = freeze(
        lambda window: {"prepared": scale(window) + 0.0}, {"window": shape}, quantize=False
    )
    return Base(
        name=label,
        input=input_of(shape, rate=rate, where=label),
        features=int(features.shape[-1]),
        labels=tuple(labels),
        stages=(front, *stages),
        licence=licence,
        data=tuple(data),
    )


def window_shape(kind: ImuInput | ImageInput) -> tuple[int, ...]:
    """Shape of one window of an input."""
    if isinstance(kind, ImageInput):
        return (kind.size, kind.size, 3)
    return (kind.length, len(kind.channels))


def input_of(shape: Sequence[int | None], *, rate: float, where: str) -> ImuInput | ImageInput:
    """What windows of a shape are.

    Raises:
        BaseRefused: neither square RGB images nor six channels of an IMU, or a fixed batch.
    """
    batch, *rest = shape
    if batch is None and len(rest) == 3 and rest[0] == rest[1] and rest[2] == 3 and rest[0]:
        return ImageInput(size=rest[0])
    if batch is None and len(rest) == 2 and rest[1] == 6 and rest[0]:
        return ImuInput(rate=rate, length=rest[0])
    raise BaseRefused(
        f"its input is {list(shape)}",
        where=where,
        remedy="A base takes images [None, S, S, 3] or windows [None, T, 6]",
    )


def _cut_tensor(model: Any, cut: str | None) -> Any:
    if cut is not None:
        names = [layer.name for layer in model.layers]
        if cut not in names:
            raise BaseRefused(
                f"there is no layer {cut!r} to cut at",
                where=str(model.name),
                remedy=f"Its last layers are {', '.join(names[-6:])}",
            )
        return model.get_layer(cut).output
    for layer in reversed(model.layers):
        if isinstance(layer, keras.layers.Dense):
            return layer.input
        if not isinstance(
            layer, (keras.layers.Activation, keras.layers.Softmax, keras.layers.Dropout)
        ):
            break
    return model.outputs[0]


def _pooled(tensor: Any) -> Any:
    rank = len(tensor.shape)
    if rank == 4:
        return keras.layers.GlobalAveragePooling2D()(tensor)
    if rank == 3:
        return keras.layers.GlobalAveragePooling1D()(tensor)
    if rank == 2:
        return tensor
    raise BaseRefused(
        f"the layer to cut at gives {list(tensor.shape)}",
        where="base",
        remedy="Cut at a layer that gives a vector or a map for each window",
    )


def _check_labels(model: Any, labels: Sequence[str]) -> None:
    check_label_count(labels, int(model.outputs[0].shape[-1]), where=str(model.name))
    last = model.layers[-1]
    softmax = isinstance(last, keras.layers.Softmax) or (
        getattr(last, "activation", None) is keras.activations.softmax
    )
    if not softmax:
        raise BaseRefused(
            "its last layer is no softmax, so it gives no probabilities for the labels",
            where=str(model.name),
            remedy="Leave out the labels, or add a softmax",
        )


def check_label_count(labels: Sequence[str], outputs: int, *, where: str) -> None:
    """Refuse labels that are not one for each output, or that repeat.

    Raises:
        BaseRefused: with both numbers.
    """
    if len(labels) != outputs:
        raise BaseRefused(
            f"{len(labels)} labels for {outputs} outputs",
            where=where,
            remedy="Give one label for each output, in their order",
        )
    if len(set(labels)) != len(labels):
        raise BaseRefused("a label appears twice", where=where, remedy="Make the labels differ")
