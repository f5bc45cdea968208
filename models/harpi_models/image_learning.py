"""Learn to tell images apart with the trainer of the device.

The walk of the MobileNet tutorials: a folder of images for each class, a base that already
sees, a head that is trained on its features, and a new image with its probabilities.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from harpi.recognition.interpreter import Interpreter
from harpi.recognition.model_file import ImageInput, ModelFile
from harpi.recognition.trainable import TrainableModel
from harpi.types import FloatArray
from harpi_models.errors import DataRefused
from harpi_models.images import LabelledImages, read_classes
from harpi_models.merge import read, signature_of

MINIMUM = 5
"""Images that each class must have where nothing else is said."""
KEPT_BACK = 5
"""One image in so many of each class is not learnt, and measured on."""


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """What a training on images came to.

    Attributes:
        model: with the trained head.
        losses: of each epoch.
        shares: of the images kept back that were right after each epoch; empty where none were.
        confusion: int ``[C, C]``, of the images kept back: row truth, column answer.
    """

    model: TrainableModel
    losses: tuple[float, ...]
    shares: tuple[float, ...]
    confusion: NDArray[np.int64]


def learn_images(
    model: ModelFile,
    folder: Path,
    *,
    epochs: int = 30,
    learning_rate: float | None = None,
    augment: int = 0,
    minimum: int = MINIMUM,
    tell: Callable[[str], None] = lambda line: None,
) -> Lesson:
    """Train a head on a folder that holds one folder of images for each class.

    Args:
        model: a converted image base.
        folder: of the classes' folders.
        epochs: times that all images are gone through.
        learning_rate: None for what the model file suggests.
        augment: mirrored, shifted and brightened copies of each image that are learnt too.
        minimum: images that each class must have.
        tell: told the counts, the loss, and how the images kept back were answered.

    Raises:
        DataRefused: the base takes no images, or there are too few classes or images.
    """
    images = read_classes(folder, image_size(model))
    learnt, asked = _split(images)
    _check_counts(images, learnt, model, folder, minimum)
    interpreter = Interpreter(model)
    rng = np.random.default_rng(1)

    def features(image: FloatArray) -> FloatArray:
        given = interpreter.run("bottleneck", {"window": image[None]})["features"]
        return np.array(given[0], np.float32)

    rows = [features(image) for image in images.values]
    trainable = TrainableModel(model, images.labels, learning_rate=learning_rate)
    for i in learnt:
        label = images.labels[images.label[i]]
        trainable.add_sample(rows[i], label)
        for _ in range(augment):
            trainable.add_sample(features(varied(images.values[i], rng)), label)
    counts = ", ".join(f"{label} {n}" for label, n in trainable.counts.items())
    tell(f"learning {sum(trainable.counts.values())} images: {counts}")
    losses: list[float] = []
    shares: list[float] = []

    def answers() -> list[str]:
        return [trainable.predict(rows[i])[0][0] for i in asked]

    truth = [images.labels[images.label[i]] for i in asked]
    for epoch in range(1, epochs + 1):
        losses.append(trainable.train(1))
        if asked:
            shares.append(float(np.mean(np.array(answers()) == np.array(truth))))
        kept = f", kept back {shares[-1]:.0%}" if asked else ""
        tell(f"epoch {epoch}: loss {losses[-1]:.4f}{kept}")
    tell(f"loss {curve(losses)}" + (f"  kept back {curve(shares, top=1.0)}" if asked else ""))
    if losses[-1] > np.log(len(images.labels)):
        rate = stable_rate([rows[i] for i in learnt])
        tell(
            f"the loss is worse than that of a guess: try --learning_rate {rate:.1g}, or "
            "convert with --optimizer adam"
        )
    confusion = np.zeros((len(images.labels), len(images.labels)), np.int64)
    for wanted, given in zip(truth, answers(), strict=True):
        confusion[images.labels.index(wanted), images.labels.index(given)] += 1
    if asked:
        tell(f"{shares[-1]:.0%} of {len(asked)} images that were kept back are right")
        for line in confusion_lines(images.labels, confusion):
            tell(line)
    return Lesson(trainable, tuple(losses), tuple(shares), confusion)


def varied(image: FloatArray, rng: np.random.Generator) -> FloatArray:
    """A copy of an image ``[S, S, 3]``: perhaps mirrored, shifted by a tenth, brightened."""
    copy = image[:, ::-1] if rng.random() < 0.5 else image
    reach = max(1, len(image) // 10)
    down, right = rng.integers(0, 2 * reach + 1, 2)
    padded = np.pad(copy, ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    shifted = padded[down : down + len(image), right : right + len(image)]
    return np.asarray(np.clip(shifted * rng.uniform(0.8, 1.2), 0, 255), np.float32)


def confusion_lines(labels: Sequence[str], confusion: NDArray[np.int64]) -> list[str]:
    """The confusion matrix with recall and precision of each class, as lines of text."""
    width = max(9, *(len(label) for label in labels))
    shown = [f"{label:>{width}}" for label in labels]
    lines = [f"{'truth, answer':{width + 4}}" + "".join(shown) + "   recall  precision"]
    for i, label in enumerate(labels):
        cells = "".join(f"{n:>{width}}" for n in confusion[i])
        recall, precision = (
            f"{confusion[i, i] / total:.0%}" if total else "-"
            for total in (confusion[i].sum(), confusion[:, i].sum())
        )
        lines.append(f"{label:{width + 4}}{cells}   {recall:>6}  {precision:>9}")
    return lines


def curve(values: Sequence[float], *, top: float | None = None) -> str:
    """A course of values from 0 to the largest as a line of eight heights."""
    heights = "▁▂▃▄▅▆▇█"
    largest = max(values) if top is None else top
    if not largest > 0 or not np.isfinite(largest):
        return ""
    return "".join(heights[min(7, int(8 * value / largest))] for value in values)


def plot(lesson: Lesson) -> str:
    """Both courses of a training as an SVG picture."""
    wide, high, edge = 640, 320, 40

    def line(values: Sequence[float], largest: float, colour: str) -> str:
        step = (wide - 2 * edge) / max(1, len(values) - 1)
        points = " ".join(
            f"{edge + i * step:.1f},{high - edge - (high - 2 * edge) * v / largest:.1f}"
            for i, v in enumerate(values)
        )
        return f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{points}"/>'

    def text(x: int, y: int, words: str, colour: str = "#444") -> str:
        return f'<text x="{x}" y="{y}" fill="{colour}" font-size="13">{words}</text>'

    largest = max(*lesson.losses, 1e-9)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}">',
        f'<rect width="{wide}" height="{high}" fill="white"/>',
        f'<path fill="none" stroke="#888" d="M{edge} {edge}V{high - edge}H{wide - edge}"/>',
        text(edge, 24, f"loss, {largest:.2f} at the top", "#b34700"),
        line(lesson.losses, largest, "#b34700"),
        text(wide // 2 - 40, high - 12, f"epochs 1 to {len(lesson.losses)}"),
    ]
    if lesson.shares:
        parts.append(text(wide // 2, 24, "images kept back, 0 to 100 % right", "#00529b"))
        parts.append(line(lesson.shares, 1.0, "#00529b"))
    return "\n".join([*parts, "</svg>", ""])


def summary(model: ModelFile) -> list[str]:
    """Layers, parameters and sizes of a model file, as lines of text."""
    tables = read(model.content)
    names = {value: name for name, value in vars(schema.BuiltinOperator).items()}
    codes = [max(c.builtinCode, c.deprecatedBuiltinCode) for c in tables.operatorCodes]
    signature = signature_of(tables, "bottleneck")
    graph = tables.subgraphs[signature.subgraphIndex]
    weights: dict[int, int] = {}
    lines = [f"{'operator':24}{'gives':>20}{'parameters':>14}"]
    for operator in graph.operators:
        own = 0
        for index in operator.inputs:
            tensor = graph.tensors[index] if index >= 0 else None
            data = None if tensor is None else tables.buffers[tensor.buffer].data
            if tensor is None or data is None or tensor.buffer in weights:
                continue
            count = int(np.prod(tensor.shape)) if tensor.shape is not None else 1
            weights[tensor.buffer] = count
            own += count
        shape = list(graph.tensors[operator.outputs[0]].shape)[1:]
        name = names.get(codes[operator.opcodeIndex], "CUSTOM")
        lines.append(f"{name:24}{'x'.join(map(str, shape)):>20}{own:>14,}")
    metadata = model.metadata
    fixed = sum(math.prod(n for n in t.shape if n > 0) for t in metadata.head.parameters)
    scaled = getattr(metadata.input, "preprocessing", "")
    total = sum(weights.values())
    return [
        *lines,
        f"base: {metadata.name} {metadata.version}, {total:,} parameters, frozen",
        f"head: {metadata.head.kind}, {fixed:,} trainable parameters for each class"
        if not metadata.head.hidden
        else f"head: {metadata.head.kind} {list(metadata.head.hidden)}, trainable",
        f"features: {metadata.features}"
        + (f"; pixels 0..255 become {scaled}" if scaled else ""),
        f"file: {len(model.content) / 1024:.1f} KiB, weights {metadata.quantization}",
    ]


def own_answer(model: ModelFile, image: FloatArray, count: int = 5) -> list[tuple[str, float]]:
    """What the base's own classifier sees, the most probable first.

    Raises:
        DataRefused: it has none.
    """
    labels = model.metadata.labels
    if not labels:
        raise DataRefused(
            "this base has no classifier of its own",
            where=model.path,
            remedy="Give a --head that was learnt, or convert the base with --base_labels "
            "(imagenet for ImageNet's)",
        )
    row = Interpreter(model).run("generic", {"window": image[None]})["probabilities"][0]
    order = np.argsort(-row, kind="stable")[:count]
    return [(labels[i], float(row[i])) for i in order]


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


def _check_counts(
    images: LabelledImages, learnt: Sequence[int], model: ModelFile, folder: Path, minimum: int
) -> None:
    counts = [images.label.count(i) for i in range(len(images.labels))]
    for label, count in zip(images.labels, counts, strict=True):
        if count < minimum:
            raise DataRefused(
                f"{label} has {count} images, {minimum} are asked for",
                where=str(folder),
                remedy="Add some: a head that saw few learns little; or lower --minimum",
            )
    batch = model.metadata.head.batch_size
    if len(learnt) < batch:
        raise DataRefused(
            f"{len(learnt)} images to learn are fewer than a batch of {batch}",
            where=str(folder),
            remedy=f"Add some, or convert with --train_batch_size {len(learnt)}",
        )


def _split(images: LabelledImages) -> tuple[list[int], list[int]]:
    """Images to learn and images to ask, the latter only of classes that can spare some."""
    learnt: list[int] = []
    asked: list[int] = []
    for label in range(len(images.labels)):
        mine = [i for i, own in enumerate(images.label) if own == label]
        for place, i in enumerate(mine):
            (asked if place % KEPT_BACK == KEPT_BACK - 1 else learnt).append(i)
    return learnt, asked
