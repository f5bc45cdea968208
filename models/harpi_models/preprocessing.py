"""What a network wants its pixels to be, and how that is found out.

The model file always takes pixels 0..255. What the network was trained on is part of its base:
named by the user, or known from the network itself where that is certain, or asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from harpi.types import FloatArray
from harpi_models.errors import BaseRefused

RAW: Final = "0..255"

_MEAN: Final = np.array([0.485, 0.456, 0.406], np.float32)
_DEVIATION: Final = np.array([0.229, 0.224, 0.225], np.float32)
_MEAN_BGR: Final = np.array([103.939, 116.779, 123.68], np.float32)

RANGES: Final[dict[str, Callable[[Any], Any]]] = {
    RAW: lambda pixels: pixels + 0.0,
    "0..1": lambda pixels: pixels / 255.0,
    "-1..1": lambda pixels: pixels / 127.5 - 1.0,
    # ImageNet's mean and deviation (keras.applications.imagenet_utils, mode "torch").
    "torch": lambda pixels: (pixels / 255.0 - _MEAN) / _DEVIATION,
    # ImageNet's mean taken off, blue first (the same, mode "caffe").
    "caffe": lambda pixels: pixels[..., ::-1] - _MEAN_BGR,
}
"""Pixels 0..255 to what a network wants, by name."""

FAMILIES: Final = {
    "convnext": RAW,
    "densenet": "torch",
    "efficientnet": RAW,
    "efficientnet_v2": RAW,
    "inception_resnet_v2": "-1..1",
    "inception_v3": "-1..1",
    "mobilenet": "-1..1",
    "mobilenet_v2": "-1..1",
    "mobilenet_v3": RAW,
    "nasnet": "-1..1",
    "resnet": "caffe",
    "resnet_v2": "-1..1",
    "vgg16": "caffe",
    "vgg19": "caffe",
    "xception": "-1..1",
}
"""What the `preprocess_input` of each module of `keras.applications` does; the newer families
scale the pixels in the network itself."""

_MARKS: Final = {
    "MobileNetV2": ("-1..1", {"bn_Conv1", "block_16_project"}),
    "MobileNet": ("-1..1", {"conv_dw_1", "conv_pw_13"}),
    # Built without their own scaling, these two want -1..1.
    "MobileNetV3": ("-1..1", {"expanded_conv_1_expand", "expanded_conv_1_project"}),
    "EfficientNetV2": ("-1..1", {"block1a_project_conv", "top_conv", "stem_conv"}),
    "InceptionV3": ("-1..1", {"mixed0", "mixed10"}),
    "InceptionResNetV2": ("-1..1", {"mixed_5b", "conv_7b"}),
    "Xception": ("-1..1", {"block1_conv1", "block14_sepconv2"}),
    "NASNet": ("-1..1", {"stem_conv1", "reduction_concat_reduce_5"}),
    "VGG": ("caffe", {"block1_conv1", "block5_conv3"}),
    "ResNetV2": ("-1..1", {"conv2_block1_preact_bn", "post_bn"}),
    "ResNet": ("caffe", {"conv1_bn", "conv2_block1_1_bn", "conv5_block3_out"}),
    "DenseNet": ("torch", {"conv2_block1_0_bn", "conv5_block16_concat"}),
}
"""By architecture: the preprocessing that it is trained with, and layers that only it has."""


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """What happens to the pixels 0..255 before the network.

    Attributes:
        name: one of `RANGES`.
        reason: how it is known, for people.
    """

    name: str
    reason: str

    def __call__(self, pixels: Any) -> Any:
        """Give the network's input for pixels ``[N, S, S, 3]``."""
        return RANGES[self.name](pixels)

    def sentence(self) -> str:
        """Say it in a line."""
        return f"pixels 0..255 become {self.name}: {self.reason}"


def asked_for(name: str, modules: dict[str, str]) -> Preprocessing:
    """The preprocessing that a user named.

    Args:
        name: one of `RANGES`, `tf` or `none` as Keras calls them, or an architecture.
        modules: module of every architecture of `keras.applications`.

    Raises:
        BaseRefused: there is none of that name.
    """
    known = {"tf": "-1..1", "none": RAW, **{n: n for n in RANGES}}
    by_lower = {n.lower(): FAMILIES[module] for n, module in modules.items()}
    found = known.get(name.lower()) or by_lower.get(name.lower())
    if found is None:
        raise BaseRefused(
            f"there is no preprocessing {name!r}",
            where="input scaling",
            remedy=f"Use {', '.join(known)}, or an architecture of keras.applications",
        )
    return Preprocessing(found, "asked for")


def of_network(
    first: Callable[[FloatArray], FloatArray], layers: Collection[str], size: int, where: str
) -> Preprocessing:
    """Find out what a network wants.

    Args:
        first: gives what its first layer with weights is fed, for images ``[N, S, S, 3]``.
        layers: names of its layers.
        size: side of its images.
        where: the network, for messages.

    Raises:
        BaseRefused: nothing tells; the user must say it.
    """
    black = first(np.zeros((1, size, size, 3), np.float32))
    white = first(np.full((1, size, size, 3), 255, np.float32))
    span = float(np.max(np.abs(white - black))) if black.shape == white.shape else 0.0
    lowest = float(black.min())
    if 0.05 < span <= 16:
        return Preprocessing(RAW, "the network scales them itself")
    if 250 < span < 260 and -130 < lowest < -90:
        return Preprocessing(RAW, "the network takes the mean off itself")
    plain = abs(span - 255) < 0.5 and abs(lowest) < 0.5
    for architecture, (name, marks) in _MARKS.items():
        if plain and marks <= set(layers):
            return Preprocessing(name, f"it is a {architecture}")
    raise BaseRefused(
        "it does not tell in which range it wants the pixels, and guessing would make its "
        "answers wrong",
        where=where,
        remedy="Say how its training images were scaled: --input_range 0..1, -1..1 or 0..255, "
        "or --preprocess with the name of an architecture, such as ResNet50",
    )
