"""harpi's own contestants, made by the code that runs on the Pi; Coral's on the same base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import numpy as np

from harpi.config.schema import Config
from harpi.learning.closed_form import discriminant, logits
from harpi.learning.fitting import fit_closed_form, fit_gradient
from harpi.learning.trainer import Trainer
from harpi.learning.training_set import Preparation, TakeFeatures, TrainingSet
from harpi.learning.validation import Division, divide
from harpi.recognition.head_trainer import HeadTrainer
from harpi.recognition.knn import KnnClassifier
from harpi.recognition.knn_memory import KnnReference
from harpi.recognition.model_file import ModelFile
from harpi.store.takes import Take
from harpi.types import FloatArray
from harpi_models.datasets.layout import LENGTH, RATE
from harpi_models.judging import embedder
from harpi_models.study.coral import directions, imprinted, softmax_regression
from harpi_models.study.lesson import Answer, Asked, Codes, Contestant, Lesson

KNN = "kNN"
GENERIC = "generic"
PERSONAL = "personal"
HEADS = (
    "personal, prototypes",
    "personal, discriminant",
    "personal, joined",
    "personal, gradient",
)
"""What `personal` chooses from, and the prototypes that its closed form grew from."""
CORAL = ("Coral's softmax regression", "Coral's imprinting")
CONTESTANTS = (KNN, GENERIC, PERSONAL, *HEADS, *CORAL)


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """A lesson as the trainer takes it."""

    parts: list[TakeFeatures]
    material: TrainingSet
    division: Division


class Device:
    """A device with one base, fresh for every lesson.

    The defaults of its configuration are in force, but for two: the windows do not overlap,
    so that n windows are n windows for every contestant, and one window of a label is
    enough to train with.

    Args:
        base: the model file.
        reference: what the kNN knows from the start; of the same people as the base.

    Raises:
        ModelError: the runtime refuses the base, or it is none for the IMU.
    """

    def __init__(self, base: ModelFile, reference: KnnReference) -> None:
        self._config = self.settings()
        self._settings = self._config.learning
        self._base = base
        self._reference = reference
        self._features = base.metadata.features
        self._preparation = Preparation(
            base,
            hop=LENGTH,
            copies=self._settings.augment_copies,
            degrees=self._settings.augment_degrees,
            seed=self._settings.seed,
        )
        self.embed = embedder(base)
        self._last: tuple[Lesson, _Prepared] | None = None

    @staticmethod
    def settings() -> Config:
        """The configuration that every lesson is learnt with."""
        plain = Config()
        learning = msgspec.structs.replace(plain.learning, minimum_windows=1)
        return msgspec.structs.replace(plain, learning=learning)

    @property
    def contestants(self) -> Mapping[str, Contestant]:
        """By name, in the order of `CONTESTANTS`."""
        learners = (
            self.neighbours,
            self.generic,
            self.personal,
            self.prototypes,
            self.discriminant,
            self.joined,
            self.gradient,
            self.coral_softmax,
            self.coral_imprinting,
        )
        return dict(zip(CONTESTANTS, learners, strict=True))

    @property
    def fixed(self) -> Mapping[str, tuple[str, ...]]:
        """Labels of the contestant that learns no others."""
        return {GENERIC: self._base.metadata.labels}

    def neighbours(self, lesson: Lesson) -> Answer:
        """The kNN, with its reference and the wearer's windows."""
        settings = self._config.knn
        knn = KnnClassifier(
            rate=RATE,
            length=LENGTH,
            reference=self._reference,
            k=settings.k,
            metric=settings.metric,
            own_weight=settings.own_weight,
            capacity=settings.capacity,
            unknown_rate=self._config.models.unknown_rate,
        )
        for number, rows in enumerate(_takes(lesson), start=1):
            knn.add(lesson.windows[rows], _label(lesson, rows), take=str(number))

        def answer(asked: Asked) -> Codes:
            return lesson.codes([str(said.best) for said in knn.predict(asked.windows)])

        return answer

    def generic(self, lesson: Lesson) -> Answer:
        """The base's own classifier, which learns nothing."""
        labels = self._base.metadata.labels
        probabilities = embedder(self._base, "generic")

        def answer(asked: Asked) -> Codes:
            best = np.argmax(probabilities(asked.windows), axis=1)
            return lesson.codes([labels[place] for place in best])

        return answer

    def personal(self, lesson: Lesson) -> Answer:
        """The head that the trainer of the device settles on."""
        trainer = Trainer(
            self._base,
            self._settings,
            unknown_rate=self._config.models.unknown_rate,
            gap=self._preparation.gap,
            seconds_per_window=self._preparation.seconds_per_window,
        )
        head = trainer.train(self._prepared(lesson).parts, None, lambda progress: None).head
        return _layer(head.parameters, joins=bool(head.joined))

    def prototypes(self, lesson: Lesson) -> Answer:
        """The nearest mean of a class, by the closed form for one window of each."""
        rows = self.embed(lesson.windows)
        count = len(lesson.labels)
        means = np.stack([rows[lesson.classes == c].mean(axis=0) for c in range(count)])
        w0, b0 = discriminant(means, np.arange(count), count)
        return _layer({"w0": w0, "b0": b0})

    def discriminant(self, lesson: Lesson) -> Answer:
        """The closed form on the features of the base."""
        ready = self._prepared(lesson)
        plain = ready.material.of_base(self._features)
        return _layer(fit_closed_form(plain, ready.division, joined=False).state.parameters)

    def joined(self, lesson: Lesson) -> Answer:
        """The closed form on the features of the base and those of the signal."""
        ready = self._prepared(lesson)
        fitted = fit_closed_form(ready.material, ready.division, joined=True)
        return _layer(fitted.state.parameters, joins=True)

    def gradient(self, lesson: Lesson) -> Answer:
        """The softmax head, by the steps that the model file takes."""
        ready = self._prepared(lesson)
        fitted = fit_gradient(
            HeadTrainer(self._base, self._settings.seed),
            ready.material.of_base(self._features),
            ready.division,
            self._settings,
            start=None,
            on_epoch=lambda progress: None,
        )
        return _layer(fitted.state.parameters)

    def coral_softmax(self, lesson: Lesson) -> Answer:
        """Coral's softmax regression on the features of the base."""
        weights, bias = softmax_regression(self.embed(lesson.windows), lesson.classes)
        return _layer({"w0": weights, "b0": bias})

    def coral_imprinting(self, lesson: Lesson) -> Answer:
        """Coral's imprinting on the features of the base."""
        weights = imprinted(self.embed(lesson.windows), lesson.classes)
        return lambda asked: np.argmax(directions(asked.base) @ weights, axis=1)

    def _prepared(self, lesson: Lesson) -> _Prepared:
        """Make the features of a lesson once for all heads."""
        if self._last is None or self._last[0] is not lesson:
            parts = [
                self._preparation.features(_take(lesson, rows, number), lesson.windows[rows])
                for number, rows in enumerate(_takes(lesson), start=1)
            ]
            material = TrainingSet.of(parts)
            division = divide(material.targets, material.sources, gap=self._preparation.gap)
            self._last = lesson, _Prepared(parts, material, division)
        return self._last[1]


def _takes(lesson: Lesson) -> list[Codes]:
    """Rows of each take: those of one stretch of one class, class after class."""
    borders = np.flatnonzero(np.diff(lesson.takes) | np.diff(lesson.classes)) + 1
    return np.split(np.arange(len(lesson.classes)), borders)


def _label(lesson: Lesson, rows: Codes) -> str:
    return lesson.labels[int(lesson.classes[rows[0]])]


def _take(lesson: Lesson, rows: Codes, number: int) -> Take:
    return Take(
        label=_label(lesson, rows),
        position="unspecified",
        session=1,
        rate=RATE,
        start=datetime.fromtimestamp(0, UTC),
        id=number,
    )


def _layer(parameters: Mapping[str, FloatArray], *, joins: bool = False) -> Answer:
    """A head of one layer; its most probable class."""

    def answer(asked: Asked) -> Codes:
        rows = asked.base
        if joins:
            rows = np.concatenate([rows, asked.signal], axis=1)
        scores = logits(rows, parameters["w0"], parameters["b0"])
        return np.asarray(scores.argmax(axis=1), np.int64)

    return answer
