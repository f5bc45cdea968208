"""What a model file says about itself.

The workshop writes it into the `.tflite` as the metadata buffer `harpi` (JSON, UTF-8); the
device reads it before it gives a byte to the interpreter. One structure, both sides.

The digest covers the whole file with its own 64 characters set to zeros, so that a
truncated or flipped file is refused instead of crashing the interpreter. It is also the
base's identity: a head names the digest of the base it belongs to.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

BUFFER_NAME: Final = "harpi"
FORMAT: Final = 1
NO_DIGEST: Final = "0" * 64
CLASSES: Final = -1
"""In a shape: the number of classes, which the head decides."""


class Tensor(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A parameter of the head or a slot of its optimiser, by its name in the signatures."""

    name: str
    shape: tuple[int, ...]
    """`CLASSES` stands where the number of classes goes."""


class ImuInput(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="imu"):
    """Windows of an IMU; scaling to the network's range is part of the graph."""

    rate: Annotated[float, Meta(gt=0)]
    """Samples per second."""
    length: Annotated[int, Meta(ge=1)]
    """Samples in a window."""
    channels: tuple[str, ...] = ("ax", "ay", "az", "gx", "gy", "gz")
    accel_scale: float = 1.0
    """Value that 1 g has at the input of the signature; 1 means g."""
    gyro_scale: float = 1.0
    """Value that 1 deg/s has at the input of the signature; 1 means deg/s."""


class ImageInput(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="image"):
    """Square RGB images; pixels 0..255, scaling is part of the graph."""

    size: Annotated[int, Meta(ge=1)]


class HeadDesign(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The trainable head that the file carries."""

    kind: str
    """`softmax`, or `mlp` for hidden layers before it."""
    hidden: tuple[int, ...] = ()
    dropout: tuple[float, ...] = ()
    """Rate at the input of each dense layer, the features first; empty for none.

    Where a rate is above 0 the host gives `train` the input `mask{i}`, ``[N, width]``: 0 with
    that probability, else ``1 / (1 - rate)``.
    """
    optimizer: Literal["sgd", "momentum", "adam"] = "sgd"
    learning_rate: float = 0.01
    """Suggested; the signature takes it as an input."""
    batch_size: Annotated[int, Meta(ge=1)] = 20
    """Suggested; the signatures take any."""
    parameters: tuple[Tensor, ...] = ()
    slots: tuple[Tensor, ...] = ()


class ModelMetadata(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything the device needs to know about a model file."""

    format: int = FORMAT
    name: str
    version: str
    labels: tuple[str, ...]
    """What the signature `generic` answers with, in order; empty where there is none."""
    input: ImuInput | ImageInput
    features: Annotated[int, Meta(ge=1)]
    """Length of the vector that `bottleneck` gives."""
    head: HeadDesign
    quantization: Literal["none", "float16", "dynamic", "int8"] = "none"
    licence: str = ""
    data: tuple[str, ...] = ()
    """Names of the data sets that the base was trained on."""
    unknown_below: float | None = None
    """Confidence of `generic` under which a window is called unknown."""
    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] = NO_DIGEST
