"""Answers that take the windows before into account.

People keep to an activity for longer than one window, so the mean of the probabilities over
a few consecutive windows errs less than each of them. The price is time: a change of
activity is seen later, by half of the hops that are averaged.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from harpi.types import Prediction, Window

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
        return Prediction(
            prediction.model,
            prediction.labels,
            np.mean([one.probabilities for one in said], axis=0, dtype=np.float32),
            unknown=2 * sum(one.unknown for one in said) > len(said),
        )


def _continues(before: Window, window: Window) -> bool:
    """Whether a window overlaps the one before it, or begins with the sample after it."""
    step = (before.end - before.start) / (len(before.values) - 1)
    return before.start < window.start < before.end + (1 + _HALF_A_SAMPLE) * step
