"""How often each model was right, scene by scene."""

from __future__ import annotations

from collections import Counter

from harpi.types import MODELS, Verdict


class Score:
    """Counts verdicts against what the wearer really did."""

    def __init__(self) -> None:
        self._windows: Counter[str] = Counter()
        self._right: Counter[tuple[str, str]] = Counter()
        self._trained: Counter[tuple[str, str]] = Counter()

    def add(self, scene: str, truth: str, verdict: Verdict) -> None:
        """Count one verdict."""
        self._windows[scene] += 1
        for model, prediction in verdict.predictions.items():
            self._trained[scene, model] += prediction.trained
            self._right[scene, model] += prediction.answer == truth

    def windows(self, scene: str) -> int:
        """Give how many windows of a scene were judged."""
        return self._windows[scene]

    def accuracy(self, scene: str, model: str) -> float | None:
        """Give the share of all windows that a model named rightly; unknown is not right.

        None where there is no window, or the model had learnt nothing.
        """
        if not self._trained[scene, model]:
            return None
        return self._right[scene, model] / self._windows[scene]

    def as_table(self) -> dict[str, dict[str, float | int | None]]:
        """Give everything by scene: windows, and the accuracy of each model."""
        return {
            scene: {"windows": count} | {model: self.accuracy(scene, model) for model in MODELS}
            for scene, count in self._windows.items()
        }
