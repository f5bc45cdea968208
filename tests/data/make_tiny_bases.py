"""Make the tiny model files that the tests run: `python -m tests.data.make_tiny_bases`.

Needs TensorFlow. `tiny_base.tflite` tells the made-up motions of `tests.support.motions`
apart and carries a softmax head with Adam; `tiny_mlp.tflite` is a smaller base without a
classifier, with a hidden layer, dropout and momentum.
"""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from harpi_models.bases import keras_base
from harpi_models.converter import convert_model
from harpi_models.heads import mlp_head, softmax_head
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


def main() -> None:
    """Write both files."""
    base = keras_base(trained_network(), labels=MOTIONS, name="tiny base")
    converted = convert_model(base, softmax_head(l2=1e-3), Adam(0.01), batch_size=8)
    converted.write(HERE / "tiny_base.tflite")
    window = keras.Input((LENGTH, 6))
    pooled = keras.layers.AveragePooling1D(16)(window * np.float32(0.1))
    plain = keras_base(keras.Model(window, keras.layers.Flatten()(pooled)), name="tiny plain")
    converted = convert_model(plain, mlp_head([8], dropout=0.2), Momentum(0.05), batch_size=8)
    converted.write(HERE / "tiny_mlp.tflite")


if __name__ == "__main__":
    main()
