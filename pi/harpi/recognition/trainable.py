"""A model that learns where it runs: samples in, training, predictions meanwhile.

The verbs are those of the TensorFlow Lite personalisation library of 2019, with what it
lacked: labels that come and go, the optimiser's state in the file, shapes and digests
checked when a file is loaded, samples that are windows or images or features.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from harpi.errors import CommandRefused, UsageError
from harpi.recognition.head import Head
from harpi.recognition.head_trainer import HeadState, HeadTrainer
from harpi.recognition.interpreter import Interpreter
from harpi.recognition.model_file import ModelFile
from harpi.types import FloatArray

LossCallback = Callable[[int, float], None]
"""Is given the number of the epoch, from 1, and the mean loss over its batches."""


class TrainableModel:
    """A base model with a head that is trained here.

    All methods may be called from any thread. `train` keeps its caller until it is done;
    call it in a thread of its own to predict meanwhile: it has an interpreter to itself, and
    predictions use the head as it was after the last epoch.

    Args:
        model: the base with its signatures.
        labels: those to begin with; `add_sample` brings further ones.
        batch_size: samples of a step; None for what the model file suggests.
        learning_rate: None for what the model file suggests.
        seed: of the order of the samples and of dropout.

    Raises:
        ModelError: the runtime refuses the model.
    """

    def __init__(
        self,
        model: ModelFile,
        labels: tuple[str, ...] = (),
        *,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        seed: int = 1,
    ) -> None:
        design = model.metadata.head
        self._model = model
        self._batch_size = design.batch_size if batch_size is None else batch_size
        self._learning_rate = design.learning_rate if learning_rate is None else learning_rate
        if self._batch_size < 1 or not self._learning_rate > 0:
            raise UsageError(
                f"batch size {self._batch_size} and learning rate {self._learning_rate} must "
                "be positive",
                where="TrainableModel",
            )
        self._trainer = HeadTrainer(model, seed)
        self._training = threading.Lock()
        self._interpreter = Interpreter(model)
        self._inferring = threading.Lock()
        self._changing = threading.Lock()
        self._features: list[FloatArray] = []
        self._sample_labels: list[str] = []
        self._labels = tuple(dict.fromkeys(labels))
        self._state: HeadState | None = None
        self._going = threading.Event()
        self._going.set()
        self._closed = False

    @property
    def batch_size(self) -> int:
        """Samples of a step of training."""
        return self._batch_size

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, also those that training has not seen yet."""
        return self._labels

    @property
    def counts(self) -> dict[str, int]:
        """Samples of each label."""
        with self._changing:
            return {label: self._sample_labels.count(label) for label in self._labels}

    def add_sample(self, sample: FloatArray, label: str) -> None:
        """Keep a sample for training; an epoch that has begun does not see it.

        Args:
            sample: float32, one input of the base (a window ``[T, 6]`` or an image
                ``[S, S, 3]``), or the features ``[F]`` of one.
            label: what it shows; a new label makes the head grow.

        Raises:
            ModelError: the sample has another shape or dtype, or is not finite.
            CommandRefused: the model is closed.
        """
        features = self._features_of(sample)
        with self._changing:
            self._features.append(features)
            self._sample_labels.append(label)
            if label not in self._labels:
                self._labels = (*self._labels, label)

    def train(self, epochs: int, callback: LossCallback | None = None) -> float:
        """Train the head on the samples, from where it stands.

        Args:
            epochs: times that all samples are gone through, in another order each time.
            callback: is told the loss after each epoch, in this thread.

        Returns:
            The mean loss of the last epoch.

        Raises:
            UsageError: there are no epochs to train, or no samples.
            CommandRefused: training is running already, or the model is or gets closed.
        """
        if epochs < 1:
            raise UsageError(f"cannot train {epochs} epochs", remedy="Ask for at least one")
        if not self._training.acquire(blocking=False):
            raise CommandRefused("training is running already", remedy="Wait until it is done")
        try:
            loss = np.nan
            for epoch in range(1, epochs + 1):
                self._going.wait()
                loss = self._epoch()
                if callback is not None:
                    callback(epoch, loss)
            return float(loss)
        finally:
            self._training.release()

    def pause(self) -> None:
        """Let training rest after the epoch that runs, until `resume`."""
        self._going.clear()

    def resume(self) -> None:
        """Let training go on."""
        self._going.set()

    def predict(self, sample: FloatArray) -> list[tuple[str, float]]:
        """Tell what a sample shows.

        Args:
            sample: as `add_sample` takes it.

        Returns:
            Labels with their probabilities, the most probable first; empty while nothing
            was learnt.

        Raises:
            ModelError: the sample has another shape or dtype, or is not finite.
            CommandRefused: the model is closed.
        """
        features = self._features_of(sample)
        state = self._state
        if state is None:
            return []
        with self._inferring:
            inputs = {"features": features[None], **state.parameters}
            row = self._interpreter.run("infer", inputs)["probabilities"][0]
        order = np.argsort(-row, kind="stable")
        return [(state.labels[i], float(row[i])) for i in order]

    def save(self, path: Path) -> None:
        """Write parameters and optimiser state as a head file; samples are not in it.

        Raises:
            UsageError: nothing was trained yet.
            OSError: the disk is full, read-only, or refuses otherwise.
        """
        state = self._state
        if state is None:
            raise UsageError("nothing was trained yet", where=str(path), remedy="Train first")
        Head.for_base(
            self._model,
            labels=state.labels,
            parameters=state.parameters,
            slots=state.slots,
            step=state.step,
        ).write(path)

    def load(self, path: Path) -> None:
        """Go on from a head file; samples of labels that it lacks make it grow again.

        Raises:
            ModelError: the file is missing or damaged.
            HeadMismatch: it belongs to another base.
            CommandRefused: training runs.
        """
        head = Head.read(path)
        head.check(self._model)
        if not self._training.acquire(blocking=False):
            raise CommandRefused("training runs", remedy="Wait until it is done, then load")
        try:
            slots = head.slots or self._trainer.initial(head.labels).slots
            with self._changing:
                self._labels = tuple(dict.fromkeys((*head.labels, *self._sample_labels)))
                self._state = HeadState(head.labels, head.parameters, slots, head.step)
        finally:
            self._training.release()

    def close(self) -> None:
        """End training after the epoch that runs and refuse further work; twice is fine."""
        self._closed = True
        self._going.set()
        with self._training:
            pass

    def __enter__(self) -> TrainableModel:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _epoch(self) -> float:
        """Go once through the samples as they are now."""
        self._refuse_closed()
        with self._changing:
            labels = self._labels
            places = {label: i for i, label in enumerate(labels)}
            targets = np.array([places[label] for label in self._sample_labels], np.int64)
            features = list(self._features)
        if not features:
            raise UsageError("there are no samples to train on", remedy="Add some first")
        state = self._state
        if state is None:
            state = self._trainer.initial(labels)
        self._state, loss = self._trainer.epoch(
            self._trainer.relabelled(state, labels),
            np.stack(features),
            targets,
            np.ones(len(targets), np.float32),
            learning_rate=self._learning_rate,
            batch_size=self._batch_size,
        )
        return loss

    def _features_of(self, sample: NDArray[np.float32]) -> FloatArray:
        """Features ``[F]`` of a sample, which may be features already."""
        self._refuse_closed()
        if sample.ndim == 1:
            with self._inferring:
                self._interpreter.check("infer", "features", sample[None])
            return sample
        with self._inferring:
            outputs = self._interpreter.run("bottleneck", {"window": sample[None]})
        features: FloatArray = outputs["features"][0]
        return features

    def _refuse_closed(self) -> None:
        """Raise where the model was closed."""
        if self._closed:
            raise CommandRefused("the model is closed", remedy="Make a new one")
