"""Where networks are cut: before the classifier, however that is built."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from harpi_models.errors import BaseRefused
from tests.models.support import TENSORFLOW

if TENSORFLOW:
    import keras
    from keras import layers

    from harpi_models.bases import keras_base

pytestmark = pytest.mark.models


def convolutional(top: Callable[[Any], Any]) -> Any:
    """A small image network with some classifier for three classes."""
    inputs = keras.Input((32, 32, 3))
    value = layers.Rescaling(1 / 255)(inputs)
    value = layers.Conv2D(10, 3, strides=4, activation="relu", name="map")(value)
    return keras.Model(inputs, top(value))


def mobile_v1(value: Any) -> Any:
    value = layers.GlobalAveragePooling2D(keepdims=True, name="pool")(value)
    value = layers.Conv2D(3, 1, name="conv_preds")(layers.Dropout(0.1)(value))
    return layers.Softmax(name="act")(layers.Reshape((3,))(value))


def mobile_v3(value: Any) -> Any:
    value = layers.GlobalAveragePooling2D(keepdims=True)(value)
    value = layers.Activation("relu6", name="pool")(layers.Conv2D(10, 1)(value))
    value = layers.Flatten()(layers.Conv2D(3, 1, name="logits")(layers.Dropout(0.1)(value)))
    return layers.Activation("softmax")(value)


def squeezed(value: Any) -> Any:
    value = layers.ReLU()(layers.Conv2D(3, 1)(layers.Activation("relu", name="pool")(value)))
    return layers.Softmax()(layers.GlobalAveragePooling2D()(value))


def dense(value: Any) -> Any:
    value = layers.GlobalAveragePooling2D(name="pool")(value)
    return layers.Dense(3, activation="softmax")(layers.Dropout(0.1)(value))


def logits(value: Any) -> Any:
    return layers.Dense(3)(layers.GlobalAveragePooling2D(name="pool")(value))


def embedding(value: Any) -> Any:
    return layers.Dense(10, activation="relu", name="pool")(layers.Flatten()(value))


def normalised(value: Any) -> Any:
    value = layers.BatchNormalization()(layers.Conv2D(10, 1)(value))
    return layers.GlobalAveragePooling2D(name="pool")(layers.ReLU()(value))


@pytest.mark.parametrize(
    "top", [mobile_v1, mobile_v3, squeezed, dense, logits, embedding, normalised]
)
def test_the_features_are_what_goes_into_the_classifier(top: Callable[[Any], Any]) -> None:
    model = convolutional(top)
    told: list[str] = []
    base = keras_base(model, tell=told.append)
    assert told[-1] == "features: 10, from the layer 'pool'"
    images = np.random.default_rng(1).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    wanted = np.asarray(keras.Model(model.inputs, model.get_layer("pool").output)(images))
    wanted = wanted.reshape(2, -1, 10).mean(axis=1)
    np.testing.assert_allclose(base.run(images)["features"], wanted, atol=1e-4)


def test_as_many_features_as_classes_are_refused_unless_named() -> None:
    def top(value: Any) -> Any:
        value = layers.Dense(3, activation="relu", name="narrow")(layers.Flatten()(value))
        return layers.Dense(3, activation="softmax")(value)

    model = convolutional(top)
    with pytest.raises(BaseRefused, match="'narrow', has 3 features, as many as there are"):
        keras_base(model)
    assert keras_base(model, cut="narrow").features == 3


@pytest.mark.parametrize("name", ["conv", "conv_1", "conv_1_1"])
def test_a_layer_is_found_by_its_own_name_among_alike_ones(name: str) -> None:
    widths = {"conv": 2, "conv_1": 3, "conv_1_1": 4}
    inputs = value = keras.Input((32, 32, 3))
    for called, width in widths.items():
        value = layers.Conv2D(width, 1, name=called)(value)
    inner = keras.Model(inputs, value, name="inner")
    outer = keras.Sequential(
        [keras.Input((32, 32, 3)), layers.Rescaling(1 / 255), inner, layers.Flatten()]
    )
    assert keras_base(outer, cut=name).features == widths[name]
