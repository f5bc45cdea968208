"""All recognisers, side by side, on the same window."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from harpi.recognition.contract import Recogniser
from harpi.recognition.smoothing import Smoothing
from harpi.types import Prediction, Verdict, Window


class Panel:
    """Asks every recogniser and notes how long each takes.

    Args:
        recognisers: in the order in which their predictions are to stand.
        smooth_windows: consecutive windows over which an answer is the mean; 1 takes each
            window by itself.
    """

    def __init__(self, recognisers: Sequence[Recogniser], *, smooth_windows: int = 1) -> None:
        self._recognisers = tuple(recognisers)
        self._smoothing = Smoothing(smooth_windows) if smooth_windows > 1 else None

    @property
    def recognisers(self) -> tuple[Recogniser, ...]:
        """Those that are asked."""
        return self._recognisers

    def judge(self, window: Window) -> Verdict:
        """Judge one window.

        Raises:
            ModelError: as `Recogniser.predict`.
        """
        return self.judge_all([window])[0]

    def judge_all(self, windows: Sequence[Window]) -> list[Verdict]:
        """Judge windows, in the order of time, in one go.

        Each latency is the mean over them.

        Raises:
            ModelError: as `Recogniser.predict`.
        """
        if not windows:
            return []
        values = np.stack([window.values for window in windows])
        predictions: dict[str, list[Prediction]] = {}
        latencies: dict[str, float] = {}
        for recogniser in self._recognisers:
            begin = time.perf_counter()
            predictions[recogniser.name] = recogniser.predict(values)
            latencies[recogniser.name] = (time.perf_counter() - begin) / len(windows)
        verdicts = []
        for i, window in enumerate(windows):
            said = {name: row[i] for name, row in predictions.items()}
            if self._smoothing is not None:
                said = self._smoothing.smooth(window, said)
            verdicts.append(Verdict(window, said, latencies))
        return verdicts
