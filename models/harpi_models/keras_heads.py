"""Heads that were built with Keras: layer by layer, or refused with the layer's name.

Leading layers without weights (Flatten, pooling) become the head's tail on the base; a softmax
that is missing is added, because training needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from harpi.types import FloatArray
from harpi_models.errors import HeadRefused
from harpi_models.heads import Dense, Head, Penalty, Tail

ACCEPTED = "Dense, ReLU, Dropout and, as the last one, softmax"


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A Keras layer as its configuration says it.

    Attributes:
        kind: name of its class.
        config: as `keras.layers.Layer.get_config` gives it.
        weights: kernel and bias, where they are known.
        call: computes the layer, where it has no weights and that is known.
    """

    kind: str
    config: Mapping[str, Any]
    weights: tuple[FloatArray, ...] = field(default=())
    call: Callable[[Any], Any] | None = None

    @property
    def name(self) -> str:
        """The layer's own name."""
        return str(self.config.get("name", self.kind))


@dataclass(frozen=True, slots=True, eq=False)
class KerasHead:
    """A head as it was built.

    Attributes:
        head: its layers.
        classes: that it was built with.
        bare: it comes from a computation, which says nothing of penalties and dropout.
        tail: what it does to the base's output before its first dense layer.
        logits: it was built without a softmax, which was added.
    """

    head: Head
    classes: int
    bare: bool = False
    tail: Tail | None = None
    logits: bool = False


def head_from_keras(model: Any) -> KerasHead:
    """Take over a Keras model whose layers follow one another.

    Hidden layers keep their weights; the last layer starts at zero, for any number of classes.

    Args:
        model: `keras.Sequential` or functional, of Dense, ReLU, Dropout and softmax layers,
            with L1 and L2 penalties; layers without weights may come before the first Dense.

    Raises:
        HeadRefused: names the layer that cannot be trained on the device.
    """
    shape = tuple(model.inputs[0].shape)[1:] if model.inputs else ()
    return head_from_layers(_chain(model), shape=shape)


def head_from_layers(
    layers: Iterable[Layer], *, shape: tuple[int | None, ...] = ()
) -> KerasHead:
    """Take over layers in their order.

    Args:
        layers: from the features to the classes.
        shape: of one input; empty where it is not known.

    Raises:
        HeadRefused: names the layer that cannot be trained on the device.
    """
    leading, rest = _split([layer for layer in layers if layer.kind != "InputLayer"])
    dense: list[Dense] = []
    inputs: int | None = None
    relu, dropout, ended = False, 0.0, False
    last: Layer | None = None
    for layer in rest:
        if ended:
            raise _refused(layer, "comes after the softmax", "End the head with its softmax")
        if layer.kind == "Dense":
            made = _dense(layer)
            if layer.weights and not dense:
                inputs = int(layer.weights[0].shape[0])
            dense.append(replace(made, relu=relu, dropout=dropout))
            relu, dropout = False, 0.0
            last = layer
            activation = str(layer.config.get("activation", "linear"))
        elif layer.kind == "Dropout":
            if dropout:
                raise _refused(layer, "follows another Dropout", "Join the two")
            dropout = _dropout(layer)
            continue
        else:
            activation = _activation(layer)
        if activation == "relu":
            relu = True
        elif activation == "softmax":
            ended = True
        elif activation != "linear":
            raise _refused(layer, f"has the activation {activation!r}", f"Use {ACCEPTED}")
    if last is None or relu or dropout:
        raise HeadRefused(
            "it does not end with a Dense layer and a softmax",
            where="head" if last is None else last.name,
            remedy="Add keras.layers.Dense(classes, activation='softmax') at its end",
        )
    classes = dense[-1].units or 0
    dense[-1] = replace(dense[-1], units=None, kernel=None, bias=None)
    return KerasHead(
        Head(tuple(dense), inputs=inputs),
        classes,
        tail=_tail(leading, shape),
        logits=not ended,
    )


def _chain(model: Any) -> list[Layer]:
    """Layers of a model, one after the other.

    Raises:
        HeadRefused: they branch or join.
    """
    found: list[Layer] = []
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise HeadRefused(
            f"the head has {len(model.inputs)} inputs and {len(model.outputs)} outputs",
            where=str(model.name),
            remedy="Build it with one of each",
        )
    # Layers may also be part of other models; only the nodes of this one count.
    nodes = [n for same in getattr(model, "_nodes_by_depth", {}).values() for n in same]
    taken: dict[int, int] = {}
    for node in nodes:
        for parent in node.parent_nodes:
            taken[id(parent)] = taken.get(id(parent), 0) + 1
        if len(node.parent_nodes) > 1 or any(taken[id(p)] > 1 for p in node.parent_nodes):
            raise HeadRefused(
                f"the layers of the head branch or join at {node.operation.name!r}",
                where=str(model.name),
                remedy="Build it so that each layer takes what the one before it gives",
            )
    for layer in model.layers:
        if hasattr(layer, "layers"):
            found += _chain(layer)
            continue
        weights = tuple(np.asarray(w) for w in layer.get_weights())
        call = None if weights else (lambda value, own=layer: own(value, training=False))
        if type(layer).__name__ in ("Flatten", "Reshape", "Permute", "ZeroPadding2D"):
            call = layer.call
        config = layer.get_config()
        found.append(Layer(type(layer).__name__, config, weights, call))
    return found


def _split(layers: Sequence[Layer]) -> tuple[list[Layer], list[Layer]]:
    """Leading layers without weights, and the rest from the first Dense on.

    Dropout before the first Dense stays with the rest; it commutes with Flatten alone.
    """
    first = next((i for i, layer in enumerate(layers) if layer.kind == "Dense"), len(layers))
    before, rest = list(layers[:first]), list(layers[first:])
    leading, kept = [], []
    for layer in before:
        if layer.kind in ("Dropout", "ReLU", "Softmax", "Activation"):
            kept.append(layer)
        elif layer.weights or layer.call is None:
            raise _refused(
                layer, f"is a {layer.kind}, which cannot be trained on the device",
                f"Use {ACCEPTED}; layers without weights only before the first Dense",
            )  # fmt: skip
        elif kept and layer.kind != "Flatten":
            raise _refused(layer, f"comes after a {kept[-1].kind}", "Put it before that layer")
        else:
            leading.append(layer)
    return leading, kept + rest


def _tail(leading: Sequence[Layer], shape: tuple[int | None, ...]) -> Tail | None:
    calls = [layer.call for layer in leading if layer.call is not None]
    if not calls:
        return None

    def function(value: Any) -> Any:
        for call in calls:
            value = call(value)
        return value

    return Tail(function, shape, ", ".join(layer.kind for layer in leading))


def _dense(layer: Layer) -> Dense:
    config = layer.config
    for unsupported in ("activity_regularizer", "kernel_constraint", "bias_constraint"):
        if config.get(unsupported) is not None:
            raise _refused(layer, f"has a {unsupported}", "Leave it out")
    use_bias = bool(config.get("use_bias", True))
    kernel, bias = (*layer.weights, None, None)[:2]
    return Dense(
        units=int(config["units"]),
        use_bias=use_bias,
        kernel_penalty=_penalty(layer, "kernel_regularizer"),
        bias_penalty=_penalty(layer, "bias_regularizer") if use_bias else Penalty(),
        kernel=None if kernel is None else np.asarray(kernel, np.float32),
        bias=None if bias is None else np.asarray(bias, np.float32),
    )


def _penalty(layer: Layer, key: str) -> Penalty:
    regularizer = layer.config.get(key)
    if regularizer is None:
        return Penalty()
    values = regularizer.get("config", {})
    if regularizer.get("class_name") not in ("L1", "L2", "L1L2", "l1", "l2", "l1_l2"):
        raise _refused(layer, f"has the {key} {regularizer.get('class_name')}", "Use L1 or L2")
    return Penalty(float(values.get("l1") or 0.0), float(values.get("l2") or 0.0))


def _dropout(layer: Layer) -> float:
    if layer.config.get("noise_shape") is not None:
        raise _refused(layer, "has a noise_shape", "Leave it out")
    return float(layer.config["rate"])


def _activation(layer: Layer) -> str:
    config = layer.config
    if layer.kind == "ReLU":
        slope = config.get("negative_slope") or 0.0
        if config.get("max_value") is not None or slope or config.get("threshold"):
            raise _refused(layer, "is not a plain ReLU", "Use keras.layers.ReLU()")
        return "relu"
    if layer.kind == "Softmax":
        return "softmax"
    if layer.kind == "Activation":
        return str(config.get("activation"))
    raise _refused(
        layer, f"is a {layer.kind}, which cannot be trained on the device", f"Use {ACCEPTED}"
    )


def _refused(layer: Layer, problem: str, remedy: str) -> HeadRefused:
    return HeadRefused(
        f"the layer {problem}", where=f"head, layer {layer.name!r}", remedy=remedy
    )
