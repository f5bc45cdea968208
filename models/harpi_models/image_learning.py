"""Learn to tell images apart with the trainer of the device.

The walk of the MobileNet tutorials: a folder of images for each class, a base that already
sees, a head that is trained on its features, and a new image with its probabilities.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from harpi.recognition.interpreter import Interpreter
from harpi.recognition.model_file import ImageInput, ModelFile
from harpi.recognition.trainable import TrainableModel
from harpi.types import FloatArray
from harpi_models.errors import DataRefused
from harpi_models.images import LabelledImages, read_classes

KEPT_BACK = 5
"""One image in so many of each class is not learnt, and measured on."""


def learn_images(
    model: ModelFile,
    folder: Path,
    *,
    epochs: int = 30,
    learning_rate: float | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> TrainableModel:
    """Train a head on a folder that holds one folder of images for each class.

    Args:
        model: a converted image base.
        folder: of the classes' folders.
        epochs: times that all images are gone through.
        learning_rate: None for what the model file suggests.
        tell: told the counts, the loss, and the accuracy on the images kept back.

    Raises:
        DataRefused: the base takes no images, or the folder holds no two classes.
    """
    images = read_classes(folder, image_size(model))
    learnt, asked = _split(images)
    interpreter = Interpreter(model)
    features = [
        interpreter.run("bottleneck", {"window": image[None]})["features"][0]
        for image in images.values
    ]
    trainable = TrainableModel(model, images.labels, learning_rate=learning_rate)
    for i in learnt:
        trainable.add_sample(features[i], images.labels[images.label[i]])
    counts = ", ".join(f"{label} {n}" for label, n in trainable.counts.items())
    tell(f"learning {len(learnt)} images: {counts}")
    loss = trainable.train(epochs, lambda epoch, loss: tell(f"epoch {epoch}: loss {loss:.4f}"))
    if loss > np.log(len(images.labels)):
        rate = stable_rate([features[i] for i in learnt])
        tell(
            f"the loss is worse than that of a guess: try --learning_rate {rate:.1g}, or "
            "convert with --optimizer adam"
        )
    if asked:
        right = [
            trainable.predict(features[i])[0][0] == images.labels[images.label[i]]
            for i in asked
        ]
        tell(f"{np.mean(right):.0%} of {len(asked)} images that were kept back are right")
    return trainable


def stable_rate(features: Sequence[FloatArray]) -> float:
    """A learning rate at which gradient descent settles on features ``[F]``.

    The cross entropy of a softmax bends by at most half the mean squared length of its inputs
    (Böhning 1992, Ann. Inst. Statist. Math. 44), and descent settles below 2 through that. Half
    of it is taken, because batches differ.
    """
    return float(2 / (1 + np.mean([np.dot(row, row) for row in features])))


def image_size(model: ModelFile) -> int:
    """Side of the images that a model takes.

    Raises:
        DataRefused: it takes windows of an IMU.
    """
    if not isinstance(model.metadata.input, ImageInput):
        raise DataRefused(
            "this model takes windows of an IMU, not images",
            where=model.path,
            remedy="Convert an image base: harpi-models convert --base_mobilenetv2",
        )
    return model.metadata.input.size


def _split(images: LabelledImages) -> tuple[list[int], list[int]]:
    """Images to learn and images to ask, the latter only of classes that can spare some."""
    learnt: list[int] = []
    asked: list[int] = []
    for label in range(len(images.labels)):
        mine = [i for i, own in enumerate(images.label) if own == label]
        for place, i in enumerate(mine):
            (asked if place % KEPT_BACK == KEPT_BACK - 1 else learnt).append(i)
    return learnt, asked
