"""Make the tiny model files that the tests run: `python -m tests.data.make_tiny_bases`.

Needs TensorFlow. `tiny_base.tflite` tells the made-up motions of `tests.support.motions`
apart and carries a softmax head with Adam; `tiny_float16.tflite` is the same with weights of
half the size; `tiny_mlp.tflite` is a smaller base without a classifier, with a Keras head of
two layers with L2, dropout, and momentum.
"""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from harpi_models.bases import keras_base
from harpi_models.converter import convert_model
from harpi_models.heads import softmax_head
from harpi_models.keras_heads import head_from_keras
from harpi_models.optimizers import Adam, Momentum
from tests.support.motions import LENGTH, MOTIONS, windows_of_motion

HERE = Path(__file__).parent


def trained_network() -> keras.Model:
    """A few convolutions that know the made-up motions."""
    keras.utils.set_random_seed(1)
    window = keras.Input((LENGTH, 6), name="window")
    scaled = window * np.array([1, 1, 1, 0.01, 0.01, 0.01], np.float32)
    value = keras.layers.Conv1D(8, 7, strides=2, activation="relu")(scaled)
    value = keras.layers.Conv1D(12, 5, strides=2, activation="relu")(value)
    features = keras.layers.Concatenate()(
        [
            keras.layers.GlobalAveragePooling1D()(value),
            keras.layers.GlobalMaxPooling1D()(value),
        ]
    )
    model = keras.Model(
        window, keras.layers.Dense(len(MOTIONS), activation="softmax")(features)
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    windows = np.concatenate([windows_of_motion(motion, 200) for motion in MOTIONS])
    model.fit(windows, np.repeat(np.arange(len(MOTIONS)), 200), epochs=15, verbose=0)
    return model


def two_layers(features: int) -> keras.Sequential:
    """A head as one builds it with Keras."""
    keras.utils.set_random_seed(1)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((features,)),
            layers.Dense(8, activation="relu", kernel_regularizer=keras.regularizers.L2(1e-4)),
            layers.Dropout(0.2),
            layers.Dense(4, activation="softmax", kernel_regularizer="l2"),
        ]
    )


def main() -> None:
    """Write both files."""
    base = keras_base(trained_network(), labels=MOTIONS, name="tiny base")
    converted = convert_model(base, softmax_head(l2=1e-3), Adam(0.01), batch_size=8)
    converted.write(HERE / "tiny_base.tflite")
    half = convert_model(
        base, softmax_head(l2=1e-3), Adam(0.01), batch_size=8, quantization="float16"
    )
    half.write(HERE / "tiny_float16.tflite")
    window = keras.Input((LENGTH, 6))
    pooled = keras.layers.AveragePooling1D(16)(window * np.float32(0.1))
    plain = keras_base(keras.Model(window, keras.layers.Flatten()(pooled)), name="tiny plain")
    head = head_from_keras(two_layers(plain.features)).head
    converted = convert_model(plain, head, Momentum(0.05), batch_size=8)
    converted.write(HERE / "tiny_mlp.tflite")


if __name__ == "__main__":
    main()
