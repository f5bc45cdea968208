"""The base's features under a head that learnt one wearer."""

from __future__ import annotations

from typing import Final

import numpy as np

from harpi.recognition import joined
from harpi.recognition.generic import imu_input
from harpi.recognition.head_file import Head
from harpi.recognition.interpreter import Interpreter
from harpi.recognition.model_file import ModelFile
from harpi.recognition.windows_check import check_windows
from harpi.types import FloatArray, Prediction


class PersonalRecogniser:
    """The signatures `bottleneck` and `infer` of a base model, with a head's parameters.

    A head whose features are joined by the signal's is run beside the model; see
    `harpi.recognition.joined`.

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

    def predict(self, windows: FloatArray) -> list[Prediction]:
        """Judge windows; see `harpi.recognition.contract.Recogniser`."""
        check_windows(windows, self._input.length, self.name)
        head = self._head
        if head is None or len(windows) == 0:
            return [Prediction.untrained(self.name) for _ in windows]
        features = self._interpreter.run("bottleneck", {"window": windows})["features"]
        if head.joined:
            features = joined.join(features, windows, self._input.rate)
            probabilities = joined.probabilities(features, head.parameters)
        else:
            inputs = {"features": features, **head.parameters}
            probabilities = self._interpreter.run("infer", inputs)["probabilities"]
        unknown = np.zeros(len(windows), np.bool_)
        if head.rejection is not None:
            unknown = head.rejection.unknown(features)
        return [
            Prediction(self.name, head.labels, row, bool(far))
            for row, far in zip(probabilities, unknown, strict=True)
        ]
