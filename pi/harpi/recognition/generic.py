"""The base's own classifier: what people in general look like."""

from __future__ import annotations

from typing import Final

from harpi.errors import ModelError
from harpi.recognition.interpreter import Interpreter
from harpi.recognition.metadata import ImuInput
from harpi.recognition.model_file import ModelFile
from harpi.recognition.windows_check import check_windows
from harpi.types import FloatArray, Prediction


def imu_input(model: ModelFile) -> ImuInput:
    """Give the rate, window and scaling of a model for IMU windows.

    Raises:
        ModelError: the model takes something else.
    """
    if not isinstance(model.metadata.input, ImuInput):
        raise ModelError(
            "the model takes images, not windows of an IMU",
            where=model.path,
            remedy="Set `models.base` to a model for the IMU",
        )
    return model.metadata.input


class GenericRecogniser:
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
                remedy="Set `models.base` to a model with the signature `generic`",
            )
        self._labels = model.metadata.labels
        self._unknown_below = model.metadata.unknown_below or 0.0
        self._interpreter = Interpreter(model)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the base."""
        return self._labels

    def predict(self, windows: FloatArray) -> list[Prediction]:
        """Judge windows; see `harpi.recognition.contract.Recogniser`."""
        check_windows(windows, self._length, self.name)
        if len(windows) == 0:
            return []
        probabilities = self._interpreter.run("generic", {"window": windows})["probabilities"]
        return [
            Prediction(self.name, self._labels, row, bool(row.max() < self._unknown_below))
            for row in probabilities
        ]
