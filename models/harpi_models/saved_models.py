"""Bases and heads from files: Keras archives and SavedModel directories."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

import keras
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2 as freeze_variables,
)

from harpi_models.archives import ARCHIVES, Refused, load_archive, runnable
from harpi_models.bases import Base, BaseOptions, keras_base, network_base
from harpi_models.cuts import Network
from harpi_models.errors import BaseRefused, HeadRefused
from harpi_models.heads import Tail
from harpi_models.keras_heads import KerasHead, Layer, head_from_keras, head_from_layers

_PLAIN: dict[str, Callable[[Any], Any]] = {
    "Flatten": lambda value: keras.layers.Flatten()(value),
    "GlobalAveragePooling1D": lambda value: tf.reduce_mean(value, 1),
    "GlobalAveragePooling2D": lambda value: tf.reduce_mean(value, (1, 2)),
    "GlobalMaxPooling1D": lambda value: tf.reduce_max(value, 1),
    "GlobalMaxPooling2D": lambda value: tf.reduce_max(value, (1, 2)),
}
"""Layers without weights that a head of Keras 2 may begin with."""
_PASSING = ("Identity", "StopGradient", "PartitionedCall")
_BIASES = ("BiasAdd", "Add", "AddV2")
_RESHAPING = {"Reshape", "Mean", "Max", "MaxPool", "AvgPool", "Squeeze", "Transpose"}


def base_from_path(path: Path, **options: Unpack[BaseOptions]) -> Base:
    """A base from a Keras archive or a SavedModel directory.

    Args:
        path: the file or directory.
        options: see `BaseOptions`; the cut may name an operation of a SavedModel's graph, too.

    Raises:
        BaseRefused: it cannot be read or cut, or does not suit.
    """
    if path.suffix in ARCHIVES:
        tell = options.get("tell") or (lambda line: None)
        model = runnable(load_archive(path, BaseRefused), tell)
        defaults: BaseOptions = {"name": path.stem}
        return keras_base(model, **(defaults | options))
    frozen, window = frozen_signature(path, BaseRefused)
    shape = window[1:]
    if None in shape:
        length = options.get("length")
        shape = tuple(length if n is None else n for n in shape)
    called: BaseOptions = {"name": path.name}
    return network_base(Network(frozen, str(path)), shape, **(called | options))


def head_from_path(path: Path) -> KerasHead:
    """A head from a Keras archive or a SavedModel directory.

    A SavedModel of Keras 2 says what its layers are. One that Keras 3 or TensorFlow exported
    has only the computation, without penalties and dropout; the head is then `bare`.

    Raises:
        HeadRefused: it cannot be read, or holds a layer that cannot be trained.
    """
    if path.suffix in ARCHIVES:
        return head_from_keras(load_archive(path, HeadRefused))
    if (path / "keras_metadata.pb").exists():
        layers = _keras_2_layers(path)
        shapes = [layer.config.get("batch_input_shape") for layer in layers]
        given = next((shape for shape in shapes if shape), [None])
        # A tuple in the JSON of Keras 2 is a list, or says that it is one.
        shape = given["items"] if isinstance(given, dict) else given
        return head_from_layers(layers, shape=tuple(shape[1:]))
    frozen, shape = frozen_signature(path, HeadRefused)
    layers, before = _graph_layers(frozen, str(path))
    found = head_from_layers(layers)
    return replace(found, bare=True, tail=_graph_tail(frozen, before, shape[1:]))


def frozen_signature(path: Path, error: Refused) -> tuple[Any, tuple[int | None, ...]]:
    """The serving signature with its variables as constants, and the shape of its input."""
    if path.is_file():
        raise error(
            f"{path.suffix or 'a file without an ending'} is no model that harpi reads",
            where=str(path),
            remedy=f"Give a SavedModel directory, or a {', '.join(ARCHIVES)} file",
        )
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
    _check_computation(frozen, str(path), error)
    return frozen, tuple(frozen.inputs[0].shape)


def _check_computation(frozen: Any, where: str, error: Refused) -> None:
    """Refuse what no device can be given, for what it is."""
    window = frozen.inputs[0]
    if not (window.dtype.is_floating or window.dtype.is_integer):
        raise error(
            f"its input is {window.dtype.name}, not numbers",
            where=where,
            remedy="A base takes images [None, S, S, 3] or windows [None, T, axes]",
        )
    if window.shape.rank is None:
        raise error(
            "its signature does not say the shape of its input",
            where=where,
            remedy="Export it with a shape, such as tf.TensorSpec([None, 64, 6])",
        )
    halves = {
        tensor.dtype.name
        for op in frozen.graph.get_operations()
        for tensor in op.outputs
        if tensor.dtype in (tf.float16, tf.bfloat16)
    }
    if halves:
        raise error(
            f"it computes in {', '.join(sorted(halves))}, which the device cannot",
            where=where,
            remedy="Give the .keras file that it was exported from, which is built anew in 32 "
            "bits, or export it under keras.config.set_dtype_policy('float32')",
        )


def _through(op: Any) -> Any:
    """The operation that computes, behind those that only hand on."""
    while op.type in _PASSING and op.inputs:
        op = op.inputs[0].op
    return op


def _graph_layers(frozen: Any, where: str) -> tuple[list[Layer], Any]:
    """Layers of a chain of MatMul, BiasAdd, Relu and Softmax, and what goes into the first."""
    layers: list[Layer] = []
    tensor = frozen.outputs[0]
    op = _through(tensor.op)
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
        elif any(layer.kind == "Dense" for layer in layers) and op.type in _RESHAPING:
            break
        else:
            layers.append(Layer(op.type, config))
            break
        tensor = op.inputs[0]
        op = _through(tensor.op)
    if not layers:
        raise HeadRefused("it computes nothing", where=where)
    return layers[::-1], op.outputs[0]


def _graph_tail(frozen: Any, before: Any, shape: tuple[int | None, ...]) -> Tail | None:
    """What a SavedModel does before its first dense layer, where that is anything.

    Raises:
        HeadRefused: it has weights.
    """
    if before.op.type == "Placeholder":
        return None
    pending, names = [before.op], []
    while pending:
        op = pending.pop()
        if op.type not in _RESHAPING | {"Placeholder", *_PASSING}:
            raise HeadRefused(
                "it cannot be trained on the device",
                where=f"head, operation {op.name!r}",
                remedy="Only layers without weights may come before the first Dense",
            )
        names.append(op.type)
        pending += [t.op for t in op.inputs[:1]]
    run = frozen.prune(frozen.inputs[0], {"value": before})
    kinds = [name for name in reversed(names) if name in _RESHAPING]
    return Tail(lambda value: run(value)["value"], shape, ", ".join(kinds))


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
        call = _PLAIN.get(entry["class_name"])
        layers.append(Layer(entry["class_name"], entry["config"], weights, call))
    return layers
