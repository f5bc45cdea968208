"""What every recogniser promises; one suite of tests holds all of them to it.

A recogniser is used by one thread. It never raises for a window of the right shape with
finite values, gives the same answer for a window alone as within a batch, and keeps the
order of its `labels` and of the columns of `probabilities` equal.
"""

from __future__ import annotations

from typing import Protocol

from harpi.types import FloatArray, Prediction


class Recogniser(Protocol):
    """Anything that says what a wearer does in a window."""

    @property
    def name(self) -> str:
        """One of `harpi.types.MODELS`."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels it can answer with; empty while it has learnt nothing."""
        ...

    def predict(self, windows: FloatArray) -> list[Prediction]:
        """Judge windows.

        Args:
            windows: float32 ``[n, T, 6]`` at the model's rate, g and deg/s.

        Returns:
            One prediction for each window, in order.

        Raises:
            ModelError: the windows have another length than the model was made for, or
                hold values that are not finite.
        """
        ...
