"""The network of harpi's own IMU base, and its parts as stages of a base.

Three parts, because only the middle one survives 8-bit weights:

front
    puts the channels into one range, and adds channels that do not change when the strap is
    turned: by lengths and products, and in a frame that the motion itself spans.
body
    convolutions over time with residual branches, mean and maximum pooling, standardised.
tail
    joins the mean acceleration, so that posture survives, and classifies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from harpi.recognition.model_file import ImuInput
from harpi_models.bases import Base, freeze
from harpi_models.datasets.layout import LENGTH, RATE

GYRO_UNIT = 150.0
"""deg/s that become 1 at the network's input; about the spread of walking."""
AXES = 3
KINDS = {"raw": 6, "invariant": 6, "aligned": 6}
"""Kinds of channels that the front can give, and how many each is."""


def upward(acceleration: Any) -> Any:
    """Unit vector ``[N, 1, 3]`` along the mean acceleration ``[N, T, 3]``: up, at rest."""
    return _unit(ops.mean(acceleration, axis=1, keepdims=True))


def invariant_channels(acceleration: Any, rate: Any, up: Any) -> list[Any]:
    """Lengths and products, which a turned strap does not change.

    The lengths across `up`, how the two vectors across it stand to each other (their dot
    product, and the one of `up` with their cross product), and the lengths of both.

    Args:
        acceleration: ``[N, T, 3]``.
        rate: ``[N, T, 3]``.
        up: ``[N, 1, 3]``.

    Returns:
        Six channels ``[N, T, 1]``.
    """
    a_across = acceleration - _dot(acceleration, up) * up
    w_across = rate - _dot(rate, up) * up
    return [
        _length(a_across),
        _length(w_across),
        _dot(a_across, w_across),
        _dot(up, _cross(a_across, w_across)),
        _length(acceleration),
        _length(rate),
    ]


def aligned_channels(acceleration: Any, rate: Any, up: Any) -> list[Any]:
    """Both vectors in the frame of gravity and of the strongest motion across it.

    The second axis is the direction across `up` in which acceleration has the largest mean
    square (in closed form, for two dimensions), its sign that of the mean cube along it; the
    third completes a right-handed frame. A turned strap leaves all six components as they are.

    Args:
        acceleration: ``[N, T, 3]``.
        rate: ``[N, T, 3]``.
        up: ``[N, 1, 3]``.

    Returns:
        Six channels ``[N, T, 1]``.
    """
    # Any two axes across `up` will do to find the direction in. This one is only short
    # where up is along (1, 1, -1) and its like, and there the direction is left vague.
    other = ops.concatenate([up[..., 1:2], up[..., 2:3], -up[..., 0:1]], axis=-1)
    first = _unit(other - _dot(other, up) * up)
    second = _cross(up, first)
    along, beside = _dot(acceleration, first), _dot(acceleration, second)
    xx, xy, yy = (_mean(p) for p in (along * along, along * beside, beside * beside))
    size = ops.sqrt((xx - yy) ** 2 + 4.0 * xy * xy + 1e-12)
    # Half the angle of the vector (xx - yy, 2 xy), which is the direction's angle doubled.
    cosine = ops.sqrt(ops.maximum((1.0 + (xx - yy) / size) * 0.5, 0.0))
    sine = ops.sqrt(ops.maximum((1.0 - (xx - yy) / size) * 0.5, 0.0)) * _sign(xy)
    forward = cosine * first + sine * second
    forward = forward * _sign(_mean(_dot(acceleration, forward) ** 3))
    aside = _cross(up, forward)
    return [
        _dot(vector, axis) for vector in (acceleration, rate) for axis in (up, forward, aside)
    ]


def front(window: Any, kinds: Sequence[str] = tuple(KINDS)) -> dict[str, Any]:
    """What the body sees of windows in g and deg/s.

    Args:
        window: ``[N, T, 6]``.
        kinds: which of `KINDS`.

    Returns:
        `channels` ``[N, T, channel_count(kinds)]`` and `posture` ``[N, 3]``, the mean
        acceleration.
    """
    acceleration = window[:, :, :AXES]
    rate = window[:, :, AXES:] * (1.0 / GYRO_UNIT)
    up = upward(acceleration)
    channels = []
    if "raw" in kinds:
        channels += [acceleration, rate]
    if "invariant" in kinds:
        channels += invariant_channels(acceleration, rate, up)
    if "aligned" in kinds:
        channels += aligned_channels(acceleration, rate, up)
    return {
        "channels": ops.concatenate(channels, axis=-1),
        "posture": ops.mean(acceleration, axis=1),
    }


def channel_count(kinds: Sequence[str]) -> int:
    """How many channels the front gives."""
    return sum(KINDS[kind] for kind in kinds)


def body(
    channels: int,
    widths: Sequence[int],
    strides: Sequence[int],
    kernel: int = 5,
    expansion: int = 0,
) -> Any:
    """Convolutions over time; ``[N, T, channels]`` to twice as many features as the last width.

    Args:
        channels: of the input.
        widths: channels after each stage; every stage after the first ends with a residual
            branch, a depthwise convolution over seven samples and a pointwise one.
        strides: in time, of each stage.
        kernel: samples that the first convolution sees; the others see three.
        expansion: width of a last pointwise convolution; 0 for none.
    """
    inputs = keras.Input((LENGTH, channels), name="channels")
    value = layers.Reshape((LENGTH, 1, channels))(inputs)
    for i, (width, stride) in enumerate(zip(widths, strides, strict=True)):
        value = _convolution(value, width, kernel if i == 0 else 3, stride)
        if i > 0:
            branch = layers.DepthwiseConv2D((7, 1), padding="same", use_bias=False)(value)
            branch = layers.ReLU()(layers.BatchNormalization()(branch))
            branch = layers.Conv2D(width, 1, use_bias=False)(branch)
            branch = layers.BatchNormalization()(branch)
            value = layers.ReLU()(layers.Add()([value, branch]))
    if expansion:
        value = _convolution(value, expansion, 1, 1)
    pooled = layers.Concatenate()(
        [layers.GlobalAveragePooling2D()(value), layers.GlobalMaxPooling2D()(value)]
    )
    pooled = layers.BatchNormalization(center=False, scale=False)(pooled)
    return keras.Model(inputs, pooled, name="body")


def posture_branch(width: int) -> Any:
    """A layer over the direction and the length of the mean acceleration, standardised.

    Which way is up says how a limb is held, but not along any one axis: a layer of its own
    can tell regions of the sphere apart.

    Args:
        width: number of features.
    """
    inputs = keras.Input((AXES,), name="posture")
    length = ops.sqrt(ops.sum(inputs * inputs, axis=-1, keepdims=True) + 1e-6)
    value = layers.Dense(width, activation="relu")(
        layers.Concatenate()([_unit(inputs), length])
    )
    value = layers.BatchNormalization(center=False, scale=False)(value)
    return keras.Model(inputs, value, name="posture")


def imu_base(
    trained_body: Any,
    kernel: Any,
    bias: Any,
    *,
    branch: Any = None,
    kinds: Sequence[str] = tuple(KINDS),
    labels: Sequence[str],
    version: str,
    licence: str,
    data: Sequence[str],
    unknown_below: float | None = None,
    name: str = "harpi generic",
) -> Base:
    """The base that is shipped, from its trained parts.

    Args:
        trained_body: what `body` made.
        kernel: of the classifier, ``[F, C]``.
        bias: of the classifier, ``[C]``.
        branch: what `posture_branch` made; None where there is none.
        kinds: of channels that the body was trained on.
        labels: the C labels.
        version: of the weights.
        licence: of the weights.
        data: names of the data sets.
        unknown_below: confidence under which an answer means *unknown*.
        name: shown to people.
    """
    channels = int(trained_body.inputs[0].shape[-1])
    pooled = int(trained_body.outputs[0].shape[-1])

    def run_front(window: Any) -> dict[str, Any]:
        return front(window, kinds)

    def run_body(channels: Any) -> dict[str, Any]:
        return {"pooled": trained_body(channels, training=False)}

    def tail(pooled: Any, posture: Any) -> dict[str, Any]:
        held = [] if branch is None else [branch(posture, training=False)]
        features = ops.concatenate([pooled, *held, posture], axis=-1)
        logits = ops.matmul(features, kernel) + bias
        return {"features": features, "probabilities": ops.softmax(logits)}

    return Base(
        name=name,
        input=ImuInput(rate=RATE, length=LENGTH),
        features=int(kernel.shape[0]),
        labels=tuple(labels),
        stages=(
            freeze(run_front, {"window": (None, LENGTH, 2 * AXES)}, quantize=False),
            freeze(run_body, {"channels": (None, LENGTH, channels)}, quantize=True),
            freeze(tail, {"pooled": (None, pooled), "posture": (None, AXES)}, quantize=False),
        ),
        licence=licence,
        data=tuple(data),
        version=version,
        unknown_below=unknown_below,
    )


def _convolution(value: Any, width: int, kernel: int, stride: int) -> Any:
    value = layers.Conv2D(
        width, (kernel, 1), strides=(stride, 1), padding="same", use_bias=False
    )(value)
    return layers.ReLU()(layers.BatchNormalization()(value))


def _dot(a: Any, b: Any) -> Any:
    return ops.sum(a * b, axis=-1, keepdims=True)


def _mean(values: Any) -> Any:
    return ops.mean(values, axis=1, keepdims=True)


def _length(vectors: Any) -> Any:
    return ops.sqrt(_dot(vectors, vectors) + 1e-6)


def _unit(vectors: Any) -> Any:
    return vectors * ops.rsqrt(_dot(vectors, vectors) + 1e-4)


def _sign(values: Any) -> Any:
    """1 or -1; never 0, unlike the operator of that name."""
    return ops.where(values >= 0, 1.0, -1.0)


def _cross(a: Any, b: Any) -> Any:
    """By components: TensorFlow Lite has no cross product."""
    (ax, ay, az), (bx, by, bz) = ((v[..., 0:1], v[..., 1:2], v[..., 2:3]) for v in (a, b))
    return ops.concatenate([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=-1)
