"""Image bases: the models of `keras.applications` by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Unpack

import keras
import numpy as np

from harpi_models.bases import Base, BaseOptions, keras_base
from harpi_models.errors import BaseRefused, WeightsUnreachable
from harpi_models.preprocessing import FAMILIES, Preprocessing

SETTLING_IMAGES = 16
UNREACHABLE = "URL fetch failure"
"""What Keras says where a download fails."""
RANDOM = ", random weights"
LICENCE = "Apache-2.0 (Keras)"
LICENCE_OF_IMAGENET = f"{LICENCE}; weights learnt on ImageNet, whose images are for research"


def mobilenet_v2_base(
    image_size: int = 224, alpha: float = 1.0, weights: str | Path | None = None
) -> Base:
    """MobileNetV2 without its classifier, the base of the 2019 converter.

    Args:
        image_size: side of the square images in pixels.
        alpha: width of the network.
        weights: see `application_base`.
    """
    return application_base("MobileNetV2", image_size=image_size, alpha=alpha, weights=weights)


def application_base(
    name: str,
    /,
    *,
    image_size: int = 224,
    alpha: float | None = None,
    weights: str | Path | None = None,
    **options: Unpack[BaseOptions],
) -> Base:
    """A model of `keras.applications`, with its own scaling of the pixels.

    Args:
        name: as Keras calls it: InceptionV3, EfficientNetB0, ...
        image_size: side of the square images in pixels.
        alpha: width, for the MobileNets.
        weights: a file, `"imagenet"`, or None for seeded random weights, which are only good
            to try things out.
        options: see `BaseOptions`. By default the features are the pooled last map; with
            labels, which a weights file with a classifier needs, what goes into that.

    Raises:
        BaseRefused: no such model, a size or width that it does not have, or weights that do
            not fit it.
        WeightsUnreachable: ImageNet's weights cannot be downloaded.
    """
    builder, _ = _found(name)
    labels = options.get("labels", ())
    arguments: dict[str, Any] = {
        "weights": str(weights) if weights is not None else None,
        "input_shape": (image_size, image_size, 3),
        "include_top": bool(labels),
    }
    arguments |= {"classes": len(labels)} if labels else {"pooling": "avg"}
    if alpha is not None:
        if "alpha" not in inspect.signature(builder).parameters:
            raise BaseRefused("has no width to choose", where=name, remedy="Leave out alpha")
        arguments["alpha"] = alpha
    if isinstance(weights, Path) and not weights.exists():
        raise BaseRefused("the weights file is missing", where=str(weights))
    keras.utils.set_random_seed(20190731)
    try:
        model = builder(**arguments)
    except Exception as error:
        unreachable = weights == "imagenet" and (
            isinstance(error, OSError) or UNREACHABLE in str(error)
        )
        raise (WeightsUnreachable if unreachable else BaseRefused)(
            f"Keras cannot build it: {str(error).splitlines()[0][:200]}",
            where=name,
            remedy=_remedy(weights),
        ) from error
    prepare = preprocessing_of(name)
    if weights is None:
        _settle(model, prepare, image_size)
    shown = f"{name} {image_size}" + (RANDOM if weights is None else "")
    own: BaseOptions = {
        "name": shown,
        "preprocessing": prepare,
        "licence": LICENCE_OF_IMAGENET if weights == "imagenet" else LICENCE,
        "data": ("ImageNet",) if weights == "imagenet" else (),
    }
    return keras_base(model, **(own | options))


def preprocessing_of(name: str) -> Preprocessing:
    """What `keras.applications` trains a model with.

    Raises:
        BaseRefused: no such model.
    """
    _, module = _found(name)
    family = module.__name__.rpartition(".")[2]
    return Preprocessing(FAMILIES[family], f"Keras trains {name} so")


def modules() -> dict[str, str]:
    """The module of every model of `keras.applications`."""
    return {n: module.__name__.rpartition(".")[2] for n, (_, module) in applications().items()}


def _settle(model: Any, prepare: Callable[[Any], Any], size: int) -> None:
    """Give random weights the batch statistics of made-up images, smooth ones and noise.

    Without them a deep network with random weights maps everything to nearly zero; with them
    its features are at least different for different images.
    """
    rng = np.random.default_rng(20190731)
    made_up = [
        keras.ops.image.resize(
            rng.uniform(0, 255, (SETTLING_IMAGES // 2, side, side, 3)).astype(np.float32),
            (size, size),
            interpolation="bilinear",
        )
        for side in (8, size)
    ]
    images = keras.ops.concatenate(made_up)
    layers = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
    model(prepare(images), training=True)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum


def applications() -> dict[str, tuple[Callable[..., Any], ModuleType]]:
    """Builder and family module of every model of `keras.applications`, by name."""
    builders = {
        name: builder
        for name, builder in vars(keras.applications).items()
        if inspect.isfunction(builder)
    }
    return {
        name: (builder, getattr(keras.applications, builder.__module__.rpartition(".")[2]))
        for name, builder in builders.items()
    }


def _found(name: str) -> tuple[Callable[..., Any], ModuleType]:
    known = applications()
    if name not in known:
        raise BaseRefused(
            f"keras.applications has no {name!r}",
            where="base",
            remedy=f"It has {', '.join(sorted(known))}",
        )
    return known[name]


def _remedy(weights: str | Path | None) -> str:
    if weights == "imagenet":
        return "Choose what ImageNet's weights are for, or give a weights file, or none"
    if weights is not None:
        return "Give weights of exactly this model and size"
    return "Choose a size and width that this model has"
