"""Networks as strangers build them: each answers as in Keras, or is refused for what it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harpi_models.errors import BaseRefused
from tests.models.support import TENSORFLOW

if TENSORFLOW:
    import keras
    import tensorflow as tf
    from keras import layers

    from harpi.recognition.interpreter import Interpreter
    from harpi.recognition.model_file import ModelFile
    from harpi_models.converter import convert_model
    from harpi_models.heads import softmax_head
    from harpi_models.optimizers import Sgd
    from harpi_models.saved_models import base_from_path

    @keras.saving.register_keras_serializable("strangers")
    class Subclassed(keras.Model):  # type: ignore[misc]
        """Python code that no file holds."""

        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.dense = layers.Dense(3, activation="softmax")

        def call(self, windows: Any) -> Any:
            """Answer by the mean of a window."""
            return self.dense(keras.ops.mean(windows, axis=1))


pytestmark = pytest.mark.models
LABELS = ("a", "b", "c")


def windows_network(classify: Callable[[Any], Any], shape: tuple[int, ...] = (24, 6)) -> Any:
    """Ten features of a window, under some classifier."""
    inputs = value = keras.Input(shape)
    if shape[0] == 6:
        value = layers.Permute((2, 1))(value)
    value = layers.Conv1D(10, 5, activation="relu")(value)
    return keras.Model(inputs, classify(layers.GlobalAveragePooling1D(name="pool")(value)))


def soft(value: Any) -> Any:
    return layers.Dense(3, activation="softmax")(value)


def normalised(value: Any) -> Any:
    value = layers.BatchNormalization(
        gamma_initializer="random_uniform", beta_initializer="random_normal"
    )(layers.Dense(3)(value))
    return layers.Softmax()(value)


def tempered(value: Any) -> Any:
    return layers.Softmax()(layers.Rescaling(2.0)(layers.Dense(3)(value)))


def over_time(value: Any) -> Any:
    value = layers.Conv1D(3, 1)(layers.Reshape((1, 10), name="row")(value))
    return layers.Softmax()(layers.Flatten()(value))


def halves(value: Any) -> Any:
    return layers.Add()([layers.Dense(3)(value), layers.Dense(3)(value)])


def recurrent(kind: Any) -> Any:
    inputs = keras.Input((24, 6))
    return keras.Model(inputs, soft(kind(10)(inputs)))


def answers_of(path: Path, windows: Any, **options: Any) -> tuple[int, Any]:
    """How many features the base has, and what it answers; a guard holds the file to that."""
    base = base_from_path(path, labels=LABELS, **options)
    return base.features, base.run(windows)["probabilities"]


def device_answers(path: Path, windows: Any, **options: Any) -> tuple[int, Any]:
    """How many features the converted base has, and what the device answers."""
    base = base_from_path(path, labels=LABELS, **options)
    file = ModelFile.parse(convert_model(base, softmax_head(), Sgd()).content, "strange")
    return base.features, Interpreter(file).run("generic", {"window": windows})["probabilities"]


@pytest.fixture
def windows() -> Any:
    """Two windows of 24 samples."""
    return np.random.default_rng(2).normal(0, 1, (2, 24, 6)).astype(np.float32)


@pytest.mark.parametrize("classify", [normalised, tempered, over_time])
def test_what_scales_the_answers_is_part_of_the_classifier(
    classify: Callable[[Any], Any], windows: Any, tmp_path: Path
) -> None:
    model = windows_network(classify)
    model.save(tmp_path / "model.h5")
    features, answers = answers_of(tmp_path / "model.h5", windows)
    assert features == 10
    np.testing.assert_allclose(answers, model(windows), atol=1e-5)


def test_a_recurrent_network_is_unrolled(windows: Any, tmp_path: Path) -> None:
    model = recurrent(layers.LSTM)
    model.save(tmp_path / "model.keras")
    told: list[str] = []
    features, answers = device_answers(tmp_path / "model.keras", windows, tell=told.append)
    assert features == 10
    assert told[0].startswith("recurrent layers unrolled: lstm")
    np.testing.assert_allclose(answers, model(windows), atol=1e-5)


def test_half_precision_is_built_anew_in_32_bits(windows: Any, tmp_path: Path) -> None:
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = windows_network(soft)
    finally:
        keras.config.set_dtype_policy("float32")
    model.save(tmp_path / "model.keras")
    told: list[str] = []
    _, answers = answers_of(tmp_path / "model.keras", windows, tell=told.append)
    assert "32 bits, not in mixed_float16" in told[0]
    np.testing.assert_allclose(answers, model(windows), atol=5e-3)
    plain = windows_network(soft)
    plain.set_weights(model.get_weights())
    np.testing.assert_allclose(answers, plain(windows), atol=1e-5)
    model.export(tmp_path / "saved", verbose=False)
    with pytest.raises(BaseRefused, match="computes in float16, which the device cannot"):
        base_from_path(tmp_path / "saved")


def test_a_window_with_one_row_for_each_axis_is_turned(windows: Any, tmp_path: Path) -> None:
    model = windows_network(soft, (6, 24))
    model.save(tmp_path / "model.keras")
    axes = ("ax", "ay", "az", "gx", "gy", "gz")
    _, answers = answers_of(tmp_path / "model.keras", windows, axes=axes)
    np.testing.assert_allclose(answers, model(windows.transpose(0, 2, 1)), atol=1e-5)


@pytest.mark.parametrize("kind", ["float64", "int32"])
def test_a_signature_may_take_other_numbers(kind: str, windows: Any, tmp_path: Path) -> None:
    model = windows_network(soft)
    whole = windows if kind == "float64" else np.round(windows * 5)

    def serve(window: Any) -> Any:
        return model(tf.cast(window, tf.float32))

    spec = tf.TensorSpec([None, 24, 6], kind)
    tf.saved_model.save(
        model, str(tmp_path / "saved"),
        signatures=tf.function(serve).get_concrete_function(spec),
    )  # fmt: skip
    _, answers = answers_of(tmp_path / "saved", whole)
    np.testing.assert_allclose(answers, model(whole), atol=1e-5)


def stateful() -> Any:
    inputs = keras.Input((24, 6), batch_size=1)
    return keras.Model(inputs, soft(layers.GRU(4, stateful=True)(inputs)))


def subclassed() -> Any:
    model = Subclassed()
    model(np.zeros((1, 24, 6), np.float32))
    return model


def grey() -> Any:
    inputs = keras.Input((28, 28, 1))
    return keras.Model(inputs, soft(layers.Flatten()(layers.Conv2D(4, 3)(inputs))))


def without_one_classifier() -> Any:
    return windows_network(lambda value: layers.Softmax()(halves(value)))


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (stateful, "built for"),
        (subclassed, "Python code of its own"),
        (grey, "square, in red, green and blue"),
        (without_one_classifier, "where that begins cannot be told"),
    ],
)
def test_what_cannot_be_a_base_is_refused_for_what_it_is(
    make: Callable[[], Any], told: str, tmp_path: Path
) -> None:
    make().save(tmp_path / "model.keras")
    with pytest.raises(BaseRefused, match=told):
        base_from_path(tmp_path / "model.keras")


def test_other_files_are_refused_for_what_they_are(tmp_path: Path) -> None:
    windows_network(soft).save_weights(tmp_path / "model.weights.h5")
    (tmp_path / "model.pt").write_bytes(b"PK\x03\x04")
    for name, told in {
        "model.weights.h5": "weights only",
        "model.pt": r"\.pt is no model",
        "missing.keras": "no such file",
    }.items():
        with pytest.raises(BaseRefused, match=told):
            base_from_path(tmp_path / name)
