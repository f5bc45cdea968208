"""Bases: what turns a window, or an image, into the features that a head learns on.

A base is a chain of frozen stages without variables. Only the stages that say so are
quantised: the signal front end of an IMU base, say, mixes g with degrees per second and would
not survive 8 bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2 as freeze_variables,
)

from harpi.recognition.model_file import AnyInput, ImageInput, ImuInput, VectorInput
from harpi.types import AXES, FloatArray
from harpi_models.cuts import Cut, Network
from harpi_models.errors import BaseRefused
from harpi_models.heads import Tail
from harpi_models.preprocessing import Preprocessing, of_network
from harpi_models.quantization import (
    BYTES_PER_WEIGHT,
    Quantization,
    Stage,
    StageFile,
    stage_files,
)

Tell = Callable[[str], None]


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
    input: AnyInput
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


class BaseOptions(TypedDict, total=False):
    """What can be said about a network that becomes a base; all of it may be left out.

    Attributes:
        cut: name of the layer whose output becomes the features; by default what goes into
            the classifier, or the output where it has none. A map is averaged over its places.
        whole: the output becomes the features, also where it is a classifier's.
        labels: what its softmax answers with; without labels it is only a feature extractor.
        name: shown to people; the model's own by default.
        version: of the weights.
        preprocessing: of the pixels; by default what the network itself tells.
        rate: samples per second of IMU windows.
        length: samples in a window, or side of an image, where the network leaves it open.
        axes: of a window that the network looks at, in its order.
        accel_scale: value that 1 g had in training; 9.80665 for m/s².
        gyro_scale: value that 1 deg/s had in training; 0.0174533 for rad/s.
        vector: its input is a plain vector, not a window of an IMU.
        tail: leading layers of the head that have no weights; they become part of the base.
        licence: of the weights.
        data: what it was trained on.
        tell: told what was understood.
    """

    cut: str | None
    whole: bool
    labels: Sequence[str]
    name: str | None
    version: str
    preprocessing: Preprocessing | None
    rate: float
    length: int | None
    axes: Sequence[str] | None
    accel_scale: float
    gyro_scale: float
    vector: bool
    tail: Tail | None
    licence: str
    data: Sequence[str]
    tell: Tell


def keras_base(model: Any, **options: Unpack[BaseOptions]) -> Base:
    """Any Keras model with one input and one output.

    Args:
        model: takes images ``[N, S, S, 3]`` or windows ``[N, T, axes]``.
        options: see `BaseOptions`.

    Raises:
        BaseRefused: no such layer, no single input of a known shape, labels that do not match
            its output, or pixels whose range cannot be known.
    """
    where = options.get("name") or str(model.name)
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise BaseRefused(
            "a base has one input and one output",
            where=where,
            remedy=f"This model has {len(model.inputs)} and {len(model.outputs)}",
        )
    shape = _closed(tuple(model.inputs[0].shape)[1:], options.get("length"))
    try:
        network = Network.traced(
            lambda window: model(window, training=False), shape, where, _layer_names(model)
        )
    except (ValueError, TypeError, tf.errors.OpError) as error:
        first = model.inputs[0].shape
        built = f"it is built for {list(first)}, and " if first[0] is not None else ""
        raise BaseRefused(
            f"{built}Keras cannot run it on any number of {list(shape)}",
            where=where,
            remedy="Build it with the number of windows open, not stateful, such as "
            "Input((64, 6))",
        ) from error
    return network_base(network, shape, **options)


def network_base(
    network: Network, shape: Sequence[int | None], **options: Unpack[BaseOptions]
) -> Base:
    """A base from a frozen network.

    Args:
        network: with one input and one output.
        shape: of one input of it.
        options: see `BaseOptions`.

    Raises:
        BaseRefused: as `keras_base`.
    """
    tell = options.get("tell") or (lambda line: None)
    where = network.where
    labels = tuple(options.get("labels", ()))
    kind, prepare = _front(network, shape, options, tell)
    cut = _chosen_cut(network, options, labels)
    tail = options.get("tail")
    if tail is not None:
        cut = network.cut_of_shape(cut, tail.shape)
    fetches = {"features": cut.tensor}
    if labels:
        if not network.softmax():
            raise BaseRefused(
                "its output is no softmax, so it gives no probabilities for the labels",
                where=where,
                remedy="Leave out the labels, or add a softmax",
            )
        check_label_count(labels, int(network.output.shape[-1]), where=where)
        fetches["probabilities"] = network.output
    run = network.pruned(fetches)

    def compute(prepared: Any) -> dict[str, Any]:
        found = run(prepared)
        features = found["features"] if tail is None else tail.function(found["features"])
        return {**found, "features": _pooled(features, where)}

    stage = freeze(compute, {"prepared": (None, *shape)}, quantize=True)
    front = freeze(
        lambda window: {"prepared": prepare(window)},
        {"window": (None, *window_shape(kind))},
        quantize=False,
    )
    width = int(stage.function(prepared=tf.zeros([1, *shape]))["features"].shape[-1])
    told = f"; {tail.layers} of the head joined to it" if tail is not None else ""
    tell(f"features: {width}, from the layer {cut.layer!r}{told}")
    return Base(
        name=options.get("name") or where,
        input=kind,
        features=width,
        labels=labels,
        stages=(front, stage),
        licence=options.get("licence", ""),
        data=tuple(options.get("data", ())),
        version=options.get("version", "1"),
    )


def window_shape(kind: AnyInput) -> tuple[int, ...]:
    """Shape of one window of an input."""
    if isinstance(kind, ImageInput):
        return (kind.size, kind.size, 3)
    if isinstance(kind, VectorInput):
        return (kind.length,)
    return (kind.length, len(kind.channels))


def freeze(
    function: Callable[..., Mapping[str, Any]],
    inputs: Mapping[str, Sequence[int | None]],
    *,
    quantize: bool,
) -> Stage:
    """Make a stage: turn the variables that a function uses into constants.

    Converting a Keras 3 model that still has variables drops its weights in silence.

    Args:
        function: takes tensors as keyword arguments, gives tensors by name.
        inputs: shape of each input, None for the batch.
        quantize: whether its weights may be quantised.
    """
    specs = {n: tf.TensorSpec(s, tf.float32, name=n) for n, s in inputs.items()}
    concrete = tf.function(function, autograph=False).get_concrete_function(**specs)
    outputs = tuple(sorted(concrete.structured_outputs))
    frozen = freeze_variables(concrete, lower_control_flow=False)
    weights = sum(
        math.prod(op.outputs[0].shape)
        for op in frozen.graph.get_operations()
        if op.type == "Const"
        and op.outputs[0].dtype.is_floating
        and len(op.outputs[0].shape) > 1
    )

    def stage(**tensors: Any) -> dict[str, Any]:
        results = frozen(*(tensors[name] for name in specs))
        results = results if isinstance(results, (list, tuple)) else [results]
        return dict(zip(outputs, results, strict=True))

    return Stage(stage, specs, outputs, quantize, weights)


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


def _front(
    network: Network, shape: Sequence[int | None], options: BaseOptions, tell: Tell
) -> tuple[AnyInput, Callable[[Any], Any]]:
    """What the base takes, and what turns that into the network's input."""
    where = network.where
    if None in shape:
        raise BaseRefused(
            f"its input is {[None, *shape]}: the length of a window is open",
            where=where,
            remedy="Say it with --window_length (or --image_size for images), or build the "
            "network with a fixed length, such as Input((64, 6))",
        )
    sizes = [int(n) for n in shape if n is not None]
    asked = options.get("length")
    if asked is not None and asked not in sizes[:1] and not options.get("axes"):
        raise BaseRefused(
            f"its input is {[None, *sizes]}, {asked} was asked for",
            where=where,
            remedy="Leave out --window_length or --image_size: this network has its own",
        )
    if len(sizes) == 3 and sizes[0] == sizes[1] and sizes[2] == 3:
        prepare = options.get("preprocessing") or of_network(
            network.first_input(), network.names, sizes[0], where
        )
        tell(prepare.sentence())
        return ImageInput(size=sizes[0], preprocessing=prepare.name), prepare
    if len(sizes) == 3 and min(sizes[:2]) > 1 and sizes[2] in (1, 3, 4):
        raise BaseRefused(
            f"its input is {[None, *sizes]}: harpi's images are square, in red, green and blue",
            where=where,
            remedy="Build the network for [None, S, S, 3]; layers in front of it may crop, "
            "or make one channel of three",
        )
    if options.get("vector") and len(sizes) == 1:
        return VectorInput(length=sizes[0]), lambda window: window + 0.0
    kind = _imu_input(sizes, options, where)
    places = [AXES.index(axis) for axis in kind.axes]
    scales = [kind.accel_scale if axis[0] == "a" else kind.gyro_scale for axis in kind.axes]
    by_axis = _by_axis(sizes, kind)
    tell(
        f"windows of {kind.length} samples at {kind.rate:g} Hz, {', '.join(kind.axes)}"
        + ("" if set(scales) == {1.0} else f", times {', '.join(f'{s:g}' for s in scales)}")
        + (", one sample after the other" if len(sizes) == 1 else "")
        + (", one axis after the other" if by_axis else "")
    )

    def pick(window: Any) -> Any:
        if kind.axes != AXES:
            window = tf.concat([window[:, :, i : i + 1] for i in places], axis=2)
        window = window * np.array(scales, np.float32) if set(scales) != {1.0} else window + 0.0
        window = tf.transpose(window, [0, 2, 1]) if by_axis else window
        return window if len(sizes) == 2 else tf.reshape(window, [-1, *sizes])

    # The scaling is in the graph: the signature takes g and deg/s.
    return ImuInput(rate=kind.rate, length=kind.length, axes=kind.axes), pick


def _by_axis(sizes: Sequence[int], kind: ImuInput) -> bool:
    """Whether a network takes ``[axes, T]`` instead of ``[T, axes]``."""
    core = [n for n in sizes if n != 1]
    return len(core) == 2 and core[1] != len(kind.axes)


def _imu_input(sizes: Sequence[int], options: BaseOptions, where: str) -> ImuInput:
    """What windows a network takes; the scales are those of its training."""
    # [T, axes] or [axes, T], with a channel of 1 for two-dimensional convolutions, or flat.
    core = [n for n in sizes if n != 1] if len(sizes) in (3, 4) else list(sizes)
    given = options.get("axes")
    axes = tuple(given) if given else None
    if axes is not None and (unknown := [a for a in axes if a not in AXES]):
        raise BaseRefused(
            f"there is no axis {unknown[0]!r}",
            where=where,
            remedy=f"The axes are {', '.join(AXES)}",
        )
    if axes is None and len(core) == 2 and core[1] in (3, len(AXES)):
        axes = AXES[: core[1]]
    if axes is None and len(core) in (1, 2):
        raise BaseRefused(
            f"its input is {[None, *sizes]}, which does not tell what the values are",
            where=where,
            remedy="Say which axes a sample has, such as --axes ax,ay,az; or --vector where "
            "they are no windows of an IMU",
        )
    if axes is not None:
        count = len(axes)
        if len(core) == 2 and core[1] == count:
            length = core[0]
        elif len(core) == 2 and core[0] == count:
            length = core[1]
        elif len(core) == 1 and core[0] % count == 0:
            length = core[0] // count
        else:
            raise BaseRefused(
                f"its input is {[None, *sizes]}, which does not divide into {', '.join(axes)}",
                where=where,
                remedy="Name as many axes as a sample has",
            )
        return ImuInput(
            rate=options.get("rate", 25.0),
            length=length,
            axes=axes,
            accel_scale=options.get("accel_scale", 1.0),
            gyro_scale=options.get("gyro_scale", 1.0),
        )
    raise BaseRefused(
        f"its input is {[None, *sizes]}",
        where=where,
        remedy="A base takes images [None, S, S, 3] or windows [None, T, axes]",
    )


def _chosen_cut(network: Network, options: BaseOptions, labels: Sequence[str]) -> Cut:
    """The cut that was named, or that before the classifier."""
    if options.get("whole"):
        return network._cut(network.output, None)
    named = options.get("cut")
    if named is not None:
        return network.named_cut(named)
    cut = network.default_cut()
    classes = cut.classes if network.softmax() else len(labels)
    if classes and cut.width == classes:
        raise BaseRefused(
            f"the cut that was found, behind {cut.layer!r}, has {classes} features, as many as "
            "there are classes: it is hardly the right one",
            where=network.where,
            remedy="Name the layer with --bottleneck_layer",
        )
    return cut


def _pooled(tensor: Any, where: str) -> Any:
    """A vector for each window; a map is averaged over its places."""
    rank = len(tensor.shape)
    if rank in (3, 4):
        return tf.reduce_mean(tensor, axis=list(range(1, rank - 1)))
    if rank == 2:
        return tensor
    raise BaseRefused(
        f"the layer to cut at gives {list(tensor.shape)}",
        where=where,
        remedy="Cut at a layer that gives a vector or a map for each window",
    )


def _closed(shape: Sequence[int | None], length: int | None) -> tuple[int | None, ...]:
    """The shape of an input with its open places filled in, where a length was given."""
    return tuple(length if n is None else n for n in shape)


def _layer_names(model: Any) -> list[str]:
    """Names of the layers of a model, those of models in it before their own."""
    names: list[str] = []
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            names += _layer_names(layer)
        names.append(str(layer.name))
    return names
