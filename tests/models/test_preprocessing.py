"""The range of the pixels: told by the network, asked for, or not known and refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harpi_models.errors import BaseRefused
from harpi_models.preprocessing import FAMILIES, RANGES, asked_for
from tests.models.support import TENSORFLOW

if TENSORFLOW:
    import keras
    from keras import layers

    from harpi.recognition.model_file import ImageInput
    from harpi_models.applications import applications, modules, preprocessing_of
    from harpi_models.bases import keras_base
    from harpi_models.converter import convert_model
    from harpi_models.heads import softmax_head
    from harpi_models.optimizers import Sgd
    from tests.models.support import Runner

pytestmark = pytest.mark.models

PIXELS = np.random.default_rng(1).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)


def network(*front: Any) -> Any:
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            *front,
            layers.Conv2D(8, 3, strides=2),
            layers.GlobalAveragePooling2D(),
            layers.Dense(5, activation="softmax"),
        ]
    )


def test_every_application_is_scaled_as_its_own_module_does() -> None:
    for name, (_, module) in applications().items():
        wanted = module.preprocess_input(PIXELS.copy())
        np.testing.assert_allclose(preprocessing_of(name)(PIXELS), wanted, atol=1e-4)
    assert set(modules().values()) == set(FAMILIES)


def test_a_network_that_scales_its_pixels_takes_them_as_they_are() -> None:
    statistics = layers.Normalization(mean=[120.0] * 3, variance=[3000.0] * 3)
    for front in (layers.Rescaling(1 / 255), layers.Rescaling(1 / 127.5, -1), statistics):
        told: list[str] = []
        base = keras_base(network(front), tell=told.append)
        assert base.input == ImageInput(size=32, preprocessing="0..255")
        assert told[0] == "pixels 0..255 become 0..255: the network scales them itself"


def test_where_nothing_tells_it_is_asked_for() -> None:
    with pytest.raises(BaseRefused, match=r"--input_range 0..1, -1..1 or 0..255"):
        keras_base(network())


@pytest.mark.parametrize("name", RANGES)
def test_what_was_asked_for_is_in_the_graph_and_in_the_metadata(name: str) -> None:
    model = network()
    base = keras_base(model, preprocessing=asked_for(name, modules()), labels=tuple("abcde"))
    converted = convert_model(base, softmax_head(), Sgd())
    assert converted.metadata.input == ImageInput(size=32, preprocessing=name)
    wanted = model.predict(np.asarray(RANGES[name](PIXELS)), verbose=0)
    got = Runner(converted.content)("generic", window=PIXELS)["probabilities"]
    np.testing.assert_allclose(got, wanted, atol=1e-5)


def test_architectures_are_names_of_preprocessing_too() -> None:
    assert asked_for("ResNet50", modules()).name == "caffe"
    assert asked_for("mobilenetv2", modules()).name == "-1..1"
    assert asked_for("tf", {}).name == "-1..1"
    with pytest.raises(BaseRefused, match="no preprocessing 'ResNet51'"):
        asked_for("ResNet51", modules())


@pytest.mark.parametrize(
    ("name", "options", "wanted"),
    [
        ("MobileNetV2", {"alpha": 0.35}, "-1..1"),
        ("MobileNet", {"alpha": 0.25}, "-1..1"),
        ("MobileNetV3Small", {"alpha": 0.75}, "0..255"),
        ("MobileNetV3Small", {"alpha": 0.75, "include_preprocessing": False}, "-1..1"),
        ("VGG16", {}, "caffe"),
    ],
)
def test_a_stranger_s_network_is_known_by_its_layers(
    name: str, options: dict[str, Any], wanted: str
) -> None:
    """However it is wrapped, and whatever its own classifier is."""
    builder, _ = applications()[name]
    inner = builder(weights=None, include_top=False, input_shape=(32, 32, 3), **options)
    pooled = layers.GlobalAveragePooling2D()(inner.output)
    flat = keras.Model(inner.input, layers.Dense(3, activation="softmax")(pooled))
    nested = keras.Sequential(
        [inner, layers.GlobalAveragePooling2D(), layers.Dense(3, activation="softmax")]
    )
    for model in (flat, nested):
        assert keras_base(model, name="strange").input.preprocessing == wanted
