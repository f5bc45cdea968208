"""Make the head of two layers that Keras 2 saved: `python -m tests.data.make_keras_2_head`.

Needs TensorFlow 2.15, whose SavedModels say what their layers are. Only what says so and the
weights are kept.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import keras

HERE = Path(__file__).parent


def main() -> None:
    """Write the folder."""
    keras.utils.set_random_seed(1)
    layers, penalties = keras.layers, keras.regularizers
    head = keras.Sequential(
        [
            keras.Input((24,)),
            layers.Dense(8, activation="relu", kernel_regularizer=penalties.L2(1e-3)),
            layers.Dropout(0.2),
            layers.Dense(
                4,
                activation="softmax",
                kernel_regularizer=penalties.L2(1e-2),
                bias_regularizer=penalties.L1(1e-2),
            ),
        ]
    )
    target = HERE / "keras_2_head"
    with tempfile.TemporaryDirectory() as folder:
        head.save(folder, save_format="tf")
        shutil.copytree(Path(folder) / "variables", target / "variables", dirs_exist_ok=True)
        shutil.copy(Path(folder) / "keras_metadata.pb", target)


if __name__ == "__main__":
    main()
