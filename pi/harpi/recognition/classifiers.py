"""The classifiers side by side: the contract, the generic and the personal one, smoothing.

A recogniser is used by one thread. It never raises for a window of the right shape with
finite values, gives the same answer for a window alone as within a batch, and keeps the
order of its `labels` and of the columns of `probabilities` equal.

People keep to an activity for longer than one window, so the mean of the probabilities over
a few consecutive windows errs less than each of them. The price is time: a change of
activity is seen later, by half of the hops that are averaged.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

import numpy as np

from harpi.errors import ModelError
from harpi.names import ANSWER
from harpi.recognition.answer import Answerer
from harpi.recognition.head import Head
from harpi.recognition.head import probabilities as head_probabilities
from harpi.recognition.interpreter import Interpreter, check_windows
from harpi.recognition.model_file import ImuInput, ModelFile
from harpi.signal.features import SharedFeatures
from harpi.signal.orientation import WornWatch
from harpi.types import FloatArray, Prediction, Verdict, Window


class Classifier(Protocol):
    """Anything that says what a wearer does in a window."""

    @property
    def name(self) -> str:
        """One of `harpi.names.MODELS`."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels it can answer with; empty while it is not trained."""
        ...

    def predict(
        self, windows: FloatArray, shared: SharedFeatures | None = None
    ) -> list[Prediction]:
        """Judge windows.

        Args:
            windows: float32 ``[n, T, 6]`` at the model's rate, g and deg/s.
            shared: their features, where other models are asked, too.

        Returns:
            One prediction for each window, in order.

        Raises:
            ModelError: the windows have another length than the model was made for, or
                hold values that are not finite.
        """
        ...


def imu_input(model: ModelFile) -> ImuInput:
    """Give the rate, window and scaling of a model for IMU windows.

    Raises:
        ModelError: the model takes something else.
    """
    if not isinstance(model.metadata.input, ImuInput):
        raise ModelError(
            "the model takes images or vectors, not windows of an IMU",
            where=model.path,
            remedy="Set `models.base` to a model for the IMU",
        )
    return model.metadata.input


class GenericClassifier:
    """The signature `generic` of a base model.

    A window is unknown when the most probable label is less probable than the file's
    `unknown_below`.

    Args:
        model: the base.

    Raises:
        ModelError: it has no classifier of its own, or the runtime refuses it.
    """

    name: Final = "generic"

    def __init__(self, model: ModelFile) -> None:
        self._length = imu_input(model).length
        if not model.metadata.labels:
            raise ModelError(
                "the model has no classifier of its own",
                where=model.path,
                remedy="Convert it with --base_labels, so that it gets the signature `generic`",
            )
        self._labels = model.metadata.labels
        self._unknown_below = model.metadata.unknown_below or 0.0
        self._interpreter = Interpreter(model)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the base."""
        return self._labels

    def predict(
        self, windows: FloatArray, shared: SharedFeatures | None = None
    ) -> list[Prediction]:
        """Judge windows; see `harpi.recognition.classifiers.Classifier`."""
        check_windows(windows, self._length, self.name)
        if len(windows) == 0:
            return []
        probabilities = self._interpreter.run("generic", {"window": windows})["probabilities"]
        return [
            Prediction(self.name, self._labels, row, bool(row.max() < self._unknown_below))
            for row in probabilities
        ]


class PersonalClassifier:
    """The signatures `bottleneck` and `infer` of a base model, with a head's parameters.

    A head whose features are joined by the signal's is run beside the model; see
    `harpi.recognition.head`.

    Predictions are one thread's business; another may give it a new head at any time, which
    takes effect with the next prediction.

    Args:
        model: the base.
        head: what was learnt on it; None while nothing was.

    Raises:
        HeadMismatch: the head belongs to another base.
        ModelError: the runtime refuses the model.
    """

    name: Final = "personal"

    def __init__(self, model: ModelFile, head: Head | None = None) -> None:
        self._model = model
        self._input = imu_input(model)
        self._interpreter = Interpreter(model)
        self._head: Head | None = None
        self.use(head)

    @property
    def head(self) -> Head | None:
        """The head in use."""
        return self._head

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the head; empty without one."""
        return self._head.labels if self._head else ()

    def use(self, head: Head | None) -> None:
        """Replace the head.

        Raises:
            HeadMismatch: it belongs to another base; the old head stays.
        """
        if head is not None:
            head.check(self._model)
        self._head = head

    def predict(
        self, windows: FloatArray, shared: SharedFeatures | None = None
    ) -> list[Prediction]:
        """Judge windows; see `harpi.recognition.classifiers.Classifier`."""
        check_windows(windows, self._input.length, self.name)
        head = self._head
        if head is None or len(windows) == 0:
            return [Prediction.untrained(self.name) for _ in windows]
        features = self._interpreter.run("bottleneck", {"window": windows})["features"]
        if head.joined:
            shared = shared or SharedFeatures(windows)
            features = np.concatenate([features, shared.at(self._input.rate)], axis=1)
            probabilities = head_probabilities(features, head.parameters)
        else:
            inputs = {"features": features, **head.parameters}
            probabilities = self._interpreter.run("infer", inputs)["probabilities"]
        if head.rejection is None:
            return [Prediction(self.name, head.labels, row) for row in probabilities]
        return [
            Prediction(
                self.name, head.labels, row, bool(far > head.rejection.threshold), float(far)
            )
            for row, far in zip(probabilities, head.rejection.distances(features), strict=True)
        ]


class Classifiers:
    """Asks every recogniser and notes how long each takes.

    Args:
        recognisers: in the order in which their predictions are to stand.
        smooth_windows: consecutive windows over which an answer is the mean; 1 takes each
            window by itself. harpi's answer is made of single windows in any case.

    Attributes:
        answerer: gives harpi's answer.
    """

    def __init__(self, recognisers: Sequence[Classifier], *, smooth_windows: int = 1) -> None:
        self.answerer = Answerer()
        self._worn = WornWatch()
        self._recognisers = tuple(recognisers)
        self._smoothing = Smoothing(smooth_windows) if smooth_windows > 1 else None

    @property
    def recognisers(self) -> tuple[Classifier, ...]:
        """Those that are asked."""
        return self._recognisers

    def judge(self, window: Window) -> Verdict:
        """Judge one window.

        Raises:
            ModelError: as `Classifier.predict`.
        """
        return self.judge_all([window])[0]

    def judge_all(self, windows: Sequence[Window]) -> list[Verdict]:
        """Judge windows, in the order of time, in one go.

        The latency of each model is the mean over them. The features of the signal are computed
        once, and their time counts as that of each model that uses them.

        Raises:
            ModelError: as `Classifier.predict`.
        """
        if not windows:
            return []
        values = np.stack([window.values for window in windows])
        predictions: dict[str, list[Prediction]] = {}
        latencies: dict[str, float] = {}
        shared = SharedFeatures(values)
        for recogniser in self._recognisers:
            before, shared.asked = shared.seconds, False
            begin = time.perf_counter()
            predictions[recogniser.name] = recogniser.predict(values, shared)
            seconds = time.perf_counter() - begin + (before if shared.asked else 0.0)
            latencies[recogniser.name] = seconds / len(windows)
        verdicts = []
        for i, window in enumerate(windows):
            said = {name: row[i] for name, row in predictions.items()}
            begin = time.perf_counter()
            answer = self.answerer.answer(window, said)
            taken = {**latencies, ANSWER: time.perf_counter() - begin}
            if self._smoothing is not None:
                said = self._smoothing.smooth(window, said)
            verdicts.append(Verdict(window, said, taken, answer, self._worn.worn(window)))
        return verdicts


_HALF_A_SAMPLE = 0.5
"""Room for the rounding of times when two windows stand side by side."""


@dataclass(slots=True, eq=False)
class Smoothing:
    """The mean over the last windows of one stream, for every recogniser by itself.

    A gap in the signal, a jump in time, or other labels than before begin anew.

    Attributes:
        windows: how many are averaged, at least 1; fewer at the beginning.
    """

    windows: int
    _before: Window | None = None
    _said: dict[str, deque[Prediction]] = field(default_factory=dict)

    def smooth(
        self, window: Window, predictions: dict[str, Prediction]
    ) -> dict[str, Prediction]:
        """Give the means up to a window.

        Args:
            window: comes after those before it.
            predictions: what is said of it, by model name.

        Returns:
            Predictions of the same models with the same labels; *unknown* is what more than
            half of the averaged windows are.
        """
        if self._before is None or not _continues(self._before, window):
            self._said.clear()
        self._before = window
        return {name: self._mean(prediction) for name, prediction in predictions.items()}

    def _mean(self, prediction: Prediction) -> Prediction:
        said = self._said.get(prediction.model)
        if said is None or said[-1].labels != prediction.labels:
            said = self._said[prediction.model] = deque(maxlen=self.windows)
        said.append(prediction)
        shares = [one.probabilities for one in said]
        return replace(
            prediction,
            probabilities=np.mean(shares, axis=0, dtype=np.float32),
            unknown=2 * sum(one.unknown for one in said) > len(said),
        )


def _continues(before: Window, window: Window) -> bool:
    """Whether a window overlaps the one before it, or begins with the sample after it."""
    step = (before.end - before.start) / (len(before.values) - 1)
    return before.start < window.start < before.end + (1 + _HALF_A_SAMPLE) * step
