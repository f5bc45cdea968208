"""Small bases and data for the workshop's tests."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harpi.types import FloatArray

TENSORFLOW = importlib.util.find_spec("tensorflow") is not None
"""Modules that need it are imported only where it is; their tests bear the mark `models`."""

DIGIT_CLASSES = 4


@cache
def digits() -> tuple[FloatArray, NDArray[np.int64]]:
    """Scikit-learn's handwritten digits 0 to 9 as images ``[n, 32, 32, 3]``, pixels 0..255."""
    from sklearn.datasets import load_digits

    data = load_digits()
    images = np.kron(data.images, np.ones((1, 4, 4))) * (255 / 16)
    return np.repeat(images[..., None], 3, axis=3).astype(np.float32), data.target


@cache
def digit_model() -> Any:
    """A small Keras classifier that learnt to tell the digits 5 to 9 apart.

    Its features are then good, not perfect, for the digits 0 to 3 that it never saw: what a
    pretrained base is for.
    """
    import keras
    from keras import layers

    keras.utils.set_random_seed(1)
    images, target = digits()
    known = target >= 5
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Rescaling(1 / 255),
            layers.AveragePooling2D(4),
            layers.Conv2D(16, 3, activation="relu", name="first"),
            layers.Conv2D(32, 3, activation="relu", name="second"),
            layers.Flatten(),
            layers.Dense(32, activation="relu", name="embedding"),
            layers.Dense(5, activation="softmax", name="answer"),
        ],
        name="digits",
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(images[known], target[known] - 5, epochs=6, batch_size=32, verbose=0)
    return model


@cache
def digit_base() -> Any:
    """The digit model as a base."""
    from harpi_models.bases import keras_base

    return keras_base(digit_model(), labels=tuple("56789"))


def write_photographs(folder: Path) -> None:
    """Write pieces of the two photographs that scikit-learn ships.

    Most go to ``classes/china`` and ``classes/flower``; those of the right quarter, which
    overlap none of these, go to ``new``.
    """
    import sklearn.datasets
    import tensorflow as tf

    side, wide = 120, 480
    source = Path(sklearn.datasets.__file__).parent / "images"
    (folder / "new").mkdir()
    for name in ("china", "flower"):
        photo = tf.io.decode_jpeg((source / f"{name}.jpg").read_bytes())
        (folder / "classes" / name).mkdir(parents=True)
        places = [(y, x) for y in range(0, 300, 60) for x in range(0, 520, 65)]
        for i, (y, x) in enumerate(places):
            if wide - side < x + side and x < wide - side:
                continue
            target = "new" if x >= wide - side else f"classes/{name}"
            piece = tf.io.encode_png(photo[y : y + side, x : x + side])
            (folder / target / f"{name}_{i}.png").write_bytes(piece.numpy())


class Runner:
    """A model file in a TensorFlow Lite interpreter, signature by signature."""

    def __init__(self, content: bytes) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._content = content
        self._interpreter = Interpreter(model_content=content, num_threads=1)

    @property
    def signatures(self) -> dict[str, dict[str, list[str]]]:
        """Names of the inputs and outputs of each."""
        found: dict[str, dict[str, list[str]]] = self._interpreter.get_signature_list()
        return found

    def __call__(self, signature: str, **inputs: Any) -> dict[str, Any]:
        """Run a signature; copies what it gives."""
        outputs = self._interpreter.get_signature_runner(signature)(**inputs)
        return {name: np.array(value) for name, value in outputs.items()}

    def shape(self, signature: str, name: str) -> tuple[int, ...]:
        """Shape of an input, -1 where it is open."""
        details = self._interpreter.get_signature_runner(signature).get_input_details()
        return tuple(int(n) for n in details[name]["shape_signature"])


def row(value: float) -> FloatArray:
    """A scalar as the signatures take it."""
    return np.array([value], np.float32)
