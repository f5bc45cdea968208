"""Bases and heads from files: Keras archives and SavedModel directories."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2 as freeze_variables,
)

from harpi_models.bases import Base, check_label_count, input_of, keras_base
from harpi_models.errors import BaseRefused, HeadRefused
from harpi_models.keras_heads import KerasHead, Layer, head_from_keras, head_from_layers
from harpi_models.stages import freeze

ARCHIVES = (".keras", ".h5", ".hdf5")
_PASSING = ("Identity", "StopGradient", "PartitionedCall")
_BIASES = ("BiasAdd", "Add", "AddV2")


def base_from_path(
    path: Path, *, cut: str | None = None, labels: Sequence[str] = (), rate: float = 25.0
) -> Base:
    """A base from a Keras archive or a SavedModel directory.

    Args:
        path: the file or directory.
        cut: layer of a Keras archive, or operation of a SavedModel's graph, whose output
            becomes the features. By default the input of the last dense layer, or the output
            where it ends with none.
        labels: what its own softmax answers with.
        rate: samples per second of IMU windows.

    Raises:
        BaseRefused: it cannot be read or cut, or does not suit.
    """
    if path.suffix in ARCHIVES:
        model = _load_archive(path, BaseRefused)
        return keras_base(model, cut=cut, labels=labels, name=path.stem, rate=rate)
    frozen, window = _frozen_signature(path, BaseRefused)
    where = str(path)
    output = _through(frozen.outputs[0].op)
    classifier = _last_dense(output)
    if cut is not None:
        features = _operation(frozen, cut, where).outputs[0]
    else:
        features = frozen.outputs[0] if classifier is None else classifier.inputs[0]
    fetches = {"features": features}
    if labels:
        if output.type != "Softmax":
            raise BaseRefused(
                "its output is no softmax, so it gives no probabilities for the labels",
                where=where,
                remedy="Leave out the labels, or export it with its softmax",
            )
        check_label_count(labels, int(frozen.outputs[0].shape[-1]), where=where)
        fetches["probabilities"] = frozen.outputs[0]
    pruned = frozen.prune(frozen.inputs[0], fetches)

    def run(window: Any) -> dict[str, Any]:
        results = pruned(window)
        value = results["features"]
        if value.shape.rank in (3, 4):
            value = tf.reduce_mean(value, axis=list(range(1, value.shape.rank - 1)))
        return {**results, "features": value}

    stage = freeze(run, {"window": window}, quantize=True)
    probe = stage.function(window=tf.zeros([1, *window[1:]]))
    return Base(
        name=path.name,
        input=input_of(window, rate=rate, where=where),
        features=int(probe["features"].shape[-1]),
        labels=tuple(labels),
        stages=(stage,),
    )


def head_from_path(path: Path) -> KerasHead:
    """A head from a Keras archive or a SavedModel directory.

    A SavedModel of Keras 2 says what its layers are. One that Keras 3 or TensorFlow exported
    has only the computation, without penalties and dropout; the head is then `bare`.

    Raises:
        HeadRefused: it cannot be read, or holds a layer that cannot be trained.
    """
    if path.suffix in ARCHIVES:
        return head_from_keras(_load_archive(path, HeadRefused))
    if (path / "keras_metadata.pb").exists():
        return head_from_layers(_keras_2_layers(path))
    frozen, _ = _frozen_signature(path, HeadRefused)
    return replace(head_from_layers(_graph_layers(frozen, str(path))), bare=True)


def _load_archive(path: Path, error: type[BaseRefused] | type[HeadRefused]) -> Any:
    try:
        return keras.models.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError) as problem:
        raise error(
            f"Keras cannot load it: {str(problem).splitlines()[0][:160]}",
            where=str(path),
            remedy="Save it with model.save('name.keras')",
        ) from problem


def _frozen_signature(
    path: Path, error: type[BaseRefused] | type[HeadRefused]
) -> tuple[Any, tuple[int | None, ...]]:
    """The serving signature with its variables as constants, and the shape of its input."""
    try:
        loaded = tf.saved_model.load(str(path))
    except (OSError, ValueError, tf.errors.OpError) as problem:
        raise error(
            f"no SavedModel can be read there: {str(problem).splitlines()[0][:160]}",
            where=str(path),
            remedy="Give a directory that model.export() or tf.saved_model.save() wrote",
        ) from problem
    signatures = dict(loaded.signatures)
    if not signatures:
        raise error(
            "the SavedModel has no signature",
            where=str(path),
            remedy="Write it with model.export(), which adds serving_default",
        )
    concrete = signatures.get("serving_default", next(iter(signatures.values())))
    frozen = freeze_variables(concrete)
    if len(frozen.inputs) != 1 or len(frozen.outputs) != 1:
        raise error(
            f"its signature has {len(frozen.inputs)} inputs and {len(frozen.outputs)} outputs",
            where=str(path),
            remedy="Export a model with one input and one output",
        )
    frozen.loaded = loaded  # keeps the resources alive
    shape = tuple(frozen.inputs[0].shape)
    return frozen, shape


def _through(op: Any) -> Any:
    """The operation that computes, behind those that only hand on."""
    while op.type in _PASSING and op.inputs:
        op = op.inputs[0].op
    return op


def _last_dense(op: Any) -> Any | None:
    """The matrix product that an output ends with, behind softmax and bias."""
    if op.type == "Softmax":
        op = _through(op.inputs[0].op)
    if op.type in _BIASES:
        op = _through(op.inputs[0].op)
    return op if op.type == "MatMul" else None


def _operation(frozen: Any, name: str, where: str) -> Any:
    """The operation of that name, or the last one that a layer of that name became."""
    computed = [
        op
        for op in frozen.graph.get_operations()
        if op.type not in ("Const", "Identity", "NoOp", "Placeholder")
    ]
    # An export numbers the layers once more: `second` may be `digits_1/second_1/Relu`.
    layer = re.compile(rf"(^|/){re.escape(name)}(_\d+)?(/|$)")
    found = [op for op in computed if op.name == name] or [
        op for op in computed if layer.search(op.name)
    ]
    if found:
        return found[-1]
    raise BaseRefused(
        f"there is no layer or operation {name!r} to cut at",
        where=where,
        remedy=f"Its last operations are {', '.join(op.name for op in computed[-5:])}",
    )


def _graph_layers(frozen: Any, where: str) -> list[Layer]:
    """Layers of a chain of MatMul, BiasAdd, Relu and Softmax."""
    layers: list[Layer] = []
    op = _through(frozen.outputs[0].op)
    bias: Any = None
    while op.type != "Placeholder":
        config: dict[str, Any] = {"name": op.name}
        if op.type == "Softmax":
            layers.append(Layer("Softmax", config))
        elif op.type == "Relu":
            layers.append(Layer("ReLU", config))
        elif op.type in _BIASES and _constant(op.inputs[1]) is not None:
            bias = _constant(op.inputs[1])
        elif op.type == "MatMul" and (kernel := _constant(op.inputs[1])) is not None:
            weights = (kernel,) if bias is None else (kernel, bias)
            config |= {"units": kernel.shape[1], "use_bias": bias is not None}
            layers.append(Layer("Dense", config, weights))
            bias = None
        else:
            layers.append(Layer(op.type, config))
            break
        op = _through(op.inputs[0].op)
    if not layers:
        raise HeadRefused("it computes nothing", where=where)
    return layers[::-1]


def _constant(tensor: Any) -> Any | None:
    op = _through(tensor.op)
    return tf.make_ndarray(op.get_attr("value")) if op.type == "Const" else None


def _keras_2_layers(path: Path) -> list[Layer]:
    """Layers of a SavedModel that Keras 2 wrote, from what it says about itself."""
    content = (path / "keras_metadata.pb").read_bytes()
    # The metadata is a protobuf with one JSON text for each object; the model's comes first.
    for start in (m.start() for m in re.finditer(rb'\{"name": ', content)):
        try:
            found, _ = json.JSONDecoder().raw_decode(content[start:].decode("utf-8", "ignore"))
        except json.JSONDecodeError:
            continue
        if found.get("class_name") == "Sequential":
            break
    else:
        raise HeadRefused(
            "the SavedModel holds no keras.Sequential",
            where=str(path),
            remedy="Build the head as a keras.Sequential",
        )
    checkpoint = tf.train.load_checkpoint(str(path / "variables" / "variables"))
    layers, weighted = [], 0
    for entry in found["config"]["layers"]:
        weights: tuple[Any, ...] = ()
        if entry["class_name"] == "Dense":
            parts = ["kernel", "bias"] if entry["config"].get("use_bias", True) else ["kernel"]
            weights = tuple(
                checkpoint.get_tensor(
                    f"layer_with_weights-{weighted}/{part}/.ATTRIBUTES/VARIABLE_VALUE"
                )
                for part in parts
            )
            weighted += 1
        layers.append(Layer(entry["class_name"], entry["config"], weights))
    return layers
