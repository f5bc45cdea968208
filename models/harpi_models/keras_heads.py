"""Heads that were built with Keras: layer by layer, or refused with the layer's name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from harpi.types import FloatArray
from harpi_models.errors import HeadRefused
from harpi_models.heads import Dense, Head, Penalty

ACCEPTED = "Dense, ReLU, Dropout and, as the last one, softmax"


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A Keras layer as its configuration says it.

    Attributes:
        kind: name of its class.
        config: as `keras.layers.Layer.get_config` gives it.
        weights: kernel and bias, where they are known.
    """

    kind: str
    config: Mapping[str, Any]
    weights: tuple[FloatArray, ...] = field(default=())

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
    """

    head: Head
    classes: int
    bare: bool = False


def head_from_keras(model: Any) -> KerasHead:
    """Take over a `keras.Sequential`.

    Hidden layers keep their weights; the last layer starts at zero, for any number of classes.

    Args:
        model: of Dense, ReLU, Dropout and softmax layers, with L1 and L2 penalties.

    Raises:
        HeadRefused: names the layer that cannot be trained on the device.
    """
    if type(model).__name__ != "Sequential":
        raise HeadRefused(
            f"the head is a {type(model).__name__}, not a keras.Sequential",
            where=str(getattr(model, "name", "head")),
            remedy=f"Build it as keras.Sequential of {ACCEPTED}",
        )
    layers = [
        Layer(type(x).__name__, x.get_config(), tuple(np.asarray(w) for w in x.get_weights()))
        for x in model.layers
    ]
    return head_from_layers(layers)


def head_from_layers(layers: Iterable[Layer]) -> KerasHead:
    """Take over layers in their order.

    Raises:
        HeadRefused: names the layer that cannot be trained on the device.
    """
    dense: list[Dense] = []
    inputs: int | None = None
    relu, dropout, ended = False, 0.0, False
    last: Layer | None = None
    for layer in layers:
        if layer.kind == "InputLayer":
            continue
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
    if last is None or not ended or relu or dropout:
        raise HeadRefused(
            "it does not end with a Dense layer and a softmax",
            where="head" if last is None else last.name,
            remedy="Add keras.layers.Dense(classes, activation='softmax') at its end",
        )
    classes = dense[-1].units or 0
    dense[-1] = replace(dense[-1], units=None, kernel=None, bias=None)
    return KerasHead(Head(tuple(dense), inputs=inputs), classes)


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
