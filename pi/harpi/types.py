"""The vocabulary of harpi: the few things that rooms hand to each other.

Samples flow up (`Samples`, `Window`, `Prediction`, `Verdict`); nothing here knows where
they came from or who reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harpi.names import ANSWER

FloatArray = NDArray[np.float32]
TimeArray = NDArray[np.float64]

AXES: Final = ("ax", "ay", "az", "gx", "gy", "gz")
"""Columns of every signal array: acceleration in g, then angular rate in deg/s, chip axes.

At rest the axis that points up reads +1 g, as an MPU-6050 reports it.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """A block of consecutive readings of the sensor.

    Attributes:
        values: float32 ``[n, 6]``, columns as in `AXES`.
        times: float64 ``[n]``, monotonic seconds at which each reading was taken.
        gap: samples are missing between the block before this one and this block.
    """

    values: FloatArray
    times: TimeArray
    gap: bool = False

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != len(AXES):
            raise ValueError(f"values must be [n, {len(AXES)}], got {self.values.shape}")
        if self.times.shape != (len(self.values),):
            raise ValueError(f"times must be [{len(self.values)}], got {self.times.shape}")

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A stretch of signal at the model's rate; never spans a gap.

    Attributes:
        values: float32 ``[T, 6]``, columns as in `AXES`.
        start: monotonic seconds of the first sample.
        end: monotonic seconds of the last sample.
    """

    values: FloatArray
    start: float
    end: float


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What one recogniser says of one window.

    Attributes:
        model: which recogniser, one of `harpi.names.MODELS`, or `ANSWER`.
        labels: the labels it knows, in the order of `probabilities`; empty when it has
            learnt nothing yet.
        probabilities: float32 ``[len(labels)]``, sum 1.
        unknown: the window is unlike anything the recogniser learnt; `answer` is then None.
        distance: of the window from everything that the wearer taught, in standard deviations
            of the nearest activity; None where nothing was taught or the model measures none.
    """

    model: str
    labels: tuple[str, ...]
    probabilities: FloatArray
    unknown: bool = False
    distance: float | None = None

    @classmethod
    def untrained(cls, model: str) -> Prediction:
        """What a recogniser says that has learnt nothing: no labels, no answer, no guess."""
        return cls(model=model, labels=(), probabilities=np.empty(0, np.float32))

    @property
    def trained(self) -> bool:
        """Whether the recogniser has learnt anything to answer with."""
        return bool(self.labels)

    @property
    def best(self) -> str | None:
        """The most probable label, also where `unknown` is set; None when untrained."""
        return self.labels[int(np.argmax(self.probabilities))] if self.labels else None

    @property
    def answer(self) -> str | None:
        """The label to show: None when untrained or when the window is unknown."""
        return None if self.unknown else self.best

    @property
    def confidence(self) -> float:
        """Probability of `best`; 0 when untrained."""
        return float(self.probabilities.max()) if self.labels else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """One window and what every recogniser says of it.

    Attributes:
        window: the window that was judged.
        predictions: by model name, in the order of `harpi.names.MODELS`.
        latencies: seconds that each model took, by model name, and the `ANSWER`.
        answer: what harpi says, with its three models and the windows before in mind;
            untrained where nobody was asked for it.
        worn: whether a body carries the sensor; None where nobody looked.
    """

    window: Window
    predictions: Mapping[str, Prediction]
    latencies: Mapping[str, float]
    answer: Prediction = field(default_factory=lambda: Prediction.untrained(ANSWER))
    worn: bool | None = None

    @property
    def activity(self) -> str | None:
        """What the wearer does; None where it is unknown or the sensor is not worn."""
        return None if self.worn is False else self.answer.answer

    @property
    def opinions(self) -> Mapping[str, Prediction]:
        """What each model says, and the `ANSWER`, by name."""
        return {**self.predictions, ANSWER: self.answer}
