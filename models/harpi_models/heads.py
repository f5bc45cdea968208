"""The trainable head: dense layers on the base's features, softmax at the end.

A head is a plain description; `forward` and `gradients` compute with it on TensorFlow
tensors. The gradients are derived by hand, because those of `tf.GradientTape` need operators
that TensorFlow Lite does not have (``ReluGrad``, ``BroadcastGradientArgs``).

Notation: layer ``i`` computes ``z_i = drop_i(relu_i(z_{i-1})) @ w{i} + b{i}``, where ``z_{-1}``
are the features, and ReLU and dropout are optional. The loss is Keras' categorical cross
entropy with sample weights, averaged over the batch, plus the L1 and L2 penalties.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from harpi.recognition.model_file import CLASSES, Tensor
from harpi.types import FloatArray
from harpi_models.errors import HeadRefused

Tensors = dict[str, Any]
"""TensorFlow tensors by the names they have in the signatures."""


@dataclass(frozen=True, slots=True)
class Penalty:
    """``l1 * sum(|x|) + l2 * sum(x^2)`` on the values of one parameter, as in Keras."""

    l1: float = 0.0
    l2: float = 0.0

    def __bool__(self) -> bool:
        return self.l1 != 0.0 or self.l2 != 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """One dense layer and what happens to its input.

    Attributes:
        units: length of its output; None for the last layer, whose length is the number of
            classes.
        relu: its input passes a ReLU first.
        dropout: rate at which its input is dropped while training, after the ReLU.
        use_bias: whether a bias is added.
        kernel_penalty: on the weights.
        bias_penalty: on the bias.
        kernel: weights to start from, ``[inputs, units]``; None for seeded Glorot uniform.
        bias: bias to start from, ``[units]``; None for zeros.
    """

    units: int | None
    relu: bool = False
    dropout: float = 0.0
    use_bias: bool = True
    kernel_penalty: Penalty = field(default_factory=Penalty)
    bias_penalty: Penalty = field(default_factory=Penalty)
    kernel: FloatArray | None = None
    bias: FloatArray | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Tail:
    """What a head does to the base's output before its first dense layer.

    It has no weights, so it is computed once for each window, as part of the base.

    Attributes:
        function: takes ``[N, *shape]``, gives ``[N, ...]``.
        shape: of one sample that it takes; None where it is open.
        layers: what it consists of, for people.
    """

    function: Callable[[Any], Any]
    shape: tuple[int | None, ...]
    layers: str


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """Dense layers in order; only the last has as many units as there are classes.

    Attributes:
        layers: in the order of computation.
        inputs: length of the features it was made for; None where any will do.
    """

    layers: tuple[Dense, ...]
    inputs: int | None = None

    def __post_init__(self) -> None:
        *hidden, last = self.layers
        if last.units is not None or any(layer.units is None for layer in hidden):
            raise HeadRefused("exactly the last layer of a head must have the classes as units")

    @property
    def kind(self) -> str:
        """`softmax` for one layer, `mlp` for more."""
        return "softmax" if len(self.layers) == 1 else "mlp"

    @property
    def hidden(self) -> tuple[int, ...]:
        """Units of the hidden layers."""
        return tuple(layer.units for layer in self.layers if layer.units is not None)

    @property
    def dropout(self) -> tuple[float, ...]:
        """Rate at the input of each layer; empty where none drops anything."""
        rates = tuple(layer.dropout for layer in self.layers)
        return rates if any(rates) else ()

    def widths(self, features: int) -> tuple[int, ...]:
        """Length of each layer's input, for a base with so many features."""
        return (features, *self.hidden)

    def parameters(self, features: int) -> tuple[Tensor, ...]:
        """Names and shapes of what is learnt, in the order of the layers.

        Raises:
            HeadRefused: the head was made for another number of features.
        """
        if self.inputs not in (None, features):
            raise HeadRefused(
                f"it takes {self.inputs} features, the base gives {features}",
                where="head",
                remedy="Build the head for this base, or cut the base elsewhere",
            )
        tensors = []
        for i, (layer, width) in enumerate(
            zip(self.layers, self.widths(features), strict=True)
        ):
            units = CLASSES if layer.units is None else layer.units
            tensors.append(Tensor(name=f"w{i}", shape=(width, units)))
            if layer.use_bias:
                tensors.append(Tensor(name=f"b{i}", shape=(units,)))
        return tuple(tensors)

    def masks(self, features: int) -> tuple[Tensor, ...]:
        """Names and widths of the dropout masks that the host supplies."""
        return tuple(
            Tensor(name=f"mask{i}", shape=(width,))
            for i, (layer, width) in enumerate(
                zip(self.layers, self.widths(features), strict=True)
            )
            if layer.dropout > 0
        )

    def penalised(self, penalty: Penalty) -> Head:
        """The same head with a penalty on the weights of every layer."""
        layers = tuple(replace(layer, kernel_penalty=penalty) for layer in self.layers)
        return replace(self, layers=layers)

    def start(self, features: int) -> dict[str, FloatArray]:
        """Values that the hidden layers start from, by name.

        The last layer starts at zero whatever the number of classes, so that an untrained head
        prefers none; it is therefore not among the values.
        """
        values: dict[str, FloatArray] = {}
        rng = np.random.default_rng(20190731)
        for i, (layer, width) in enumerate(
            zip(self.layers, self.widths(features), strict=True)
        ):
            if layer.units is None:
                continue
            shape = (width, layer.units)
            limit = np.sqrt(6.0 / (width + layer.units))
            values[f"w{i}"] = (
                rng.uniform(-limit, limit, shape).astype(np.float32)
                if layer.kernel is None
                else layer.kernel
            )
            if layer.use_bias:
                values[f"b{i}"] = (
                    np.zeros(layer.units, np.float32) if layer.bias is None else layer.bias
                )
        return values


def softmax_head(*, l1: float = 0.0, l2: float = 0.0) -> Head:
    """One dense layer and a softmax, with penalties on its weights."""
    return Head((Dense(units=None, kernel_penalty=Penalty(l1, l2)),))


def mlp_head(
    hidden: Sequence[int], *, dropout: float = 0.0, l1: float = 0.0, l2: float = 0.0
) -> Head:
    """Hidden ReLU layers of the given widths, then a softmax.

    Args:
        hidden: units of each hidden layer.
        dropout: rate after each hidden layer.
        l1: on all weights.
        l2: on all weights.
    """
    penalty = Penalty(l1, l2)
    units: list[int | None] = [*hidden, None]
    return Head(
        tuple(
            Dense(
                units=n,
                relu=i > 0,
                dropout=dropout if i > 0 else 0.0,
                kernel_penalty=penalty,
            )
            for i, n in enumerate(units)
        )
    )


def forward(head: Head, features: Any, parameters: Mapping[str, Any], masks: Tensors) -> Any:
    """Logits of a batch.

    Args:
        head: what to compute.
        features: ``[N, F]``.
        parameters: as `Head.parameters` names them.
        masks: dropout masks, ``[N, width]``; leave out what is not to be dropped.

    Returns:
        ``[N, C]``.
    """
    return _layers(head, features, parameters, masks)[-1][1]


def gradients(
    head: Head,
    features: Any,
    labels: Any,
    weights: Any,
    parameters: Mapping[str, Any],
    masks: Tensors,
) -> tuple[Any, Tensors]:
    """Loss of a batch and its derivative by every parameter.

    Args:
        head: what to compute.
        features: ``[N, F]``.
        labels: ``[N, C]``, rows that sum to 1.
        weights: ``[N]``, one for each sample.
        parameters: as `Head.parameters` names them.
        masks: dropout masks, as `Head.masks` names them.

    Returns:
        Loss ``[1]``, and the gradients under the names of the parameters.
    """
    import tensorflow as tf

    passed = _layers(head, features, parameters, masks)
    logits = passed[-1][1]
    count = tf.cast(tf.shape(features)[:1], features.dtype)
    entropy = -tf.reduce_sum(labels * tf.nn.log_softmax(logits), axis=1)
    loss = tf.reduce_sum(entropy * weights, keepdims=True) / count
    # d(-sum y log softmax(z)) / dz = softmax(z) - y, for rows of y that sum to 1
    delta = (tf.nn.softmax(logits) - labels) * (tf.reshape(weights, [-1, 1]) / count)

    found: Tensors = {}
    for i in reversed(range(len(head.layers))):
        layer = head.layers[i]
        inputs = passed[i][0]
        kernel = parameters[f"w{i}"]
        found[f"w{i}"] = tf.matmul(inputs, delta, transpose_a=True)
        penalties = [(layer.kernel_penalty, f"w{i}")]
        if layer.use_bias:
            found[f"b{i}"] = tf.reduce_sum(delta, axis=0)
            penalties.append((layer.bias_penalty, f"b{i}"))
        for penalty, name in penalties:
            value = parameters[name]
            if penalty.l1:
                loss += penalty.l1 * tf.reshape(tf.reduce_sum(tf.abs(value)), [1])
                found[name] += penalty.l1 * tf.sign(value)
            if penalty.l2:
                loss += penalty.l2 * tf.reshape(tf.reduce_sum(value * value), [1])
                found[name] += 2.0 * penalty.l2 * value
        if i == 0:
            break
        delta = tf.matmul(delta, kernel, transpose_b=True)
        if f"mask{i}" in masks:
            delta *= masks[f"mask{i}"]
        if layer.relu:
            delta *= tf.cast(passed[i - 1][1] > 0, delta.dtype)
    return loss, found


def _layers(
    head: Head, features: Any, parameters: Mapping[str, Any], masks: Tensors
) -> list[tuple[Any, Any]]:
    """Input (after ReLU and dropout) and output of every layer."""
    import tensorflow as tf

    passed = []
    value = features
    for i, layer in enumerate(head.layers):
        if layer.relu:
            value = tf.nn.relu(value)
        if f"mask{i}" in masks:
            value = value * masks[f"mask{i}"]
        inputs = value
        value = tf.matmul(inputs, parameters[f"w{i}"])
        if layer.use_bias:
            value = value + parameters[f"b{i}"]
        passed.append((inputs, value))
    return passed
