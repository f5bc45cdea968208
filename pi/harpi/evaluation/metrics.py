"""Figures of merit, from counts of who said what of what.

All take counts ``[..., C, C + 1]``: rows are what the wearer did, columns what was answered,
the last one no answer at all. Leading axes are kept, so that a thousand resampled matrices go
through at once. Where scikit-learn has a figure of the name, it is the same figure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harpi.evaluation.judging import Codes, Flags

Counts = NDArray[np.int64]
Values = NDArray[np.float64]

BINS: Final = 10
"""Into so many equal parts confidences are sorted."""


def confusion(truth: Codes, answers: Codes, labels: int) -> Counts:
    """Count answers.

    Args:
        truth: ``[n]``, each ``0 .. labels - 1``.
        answers: ``[n]``, likewise, or -1 for none.
        labels: number of labels C.

    Returns:
        int64 ``[C, C + 1]``.
    """
    column = np.where(answers < 0, labels, answers)
    flat = np.bincount(truth * (labels + 1) + column, minlength=labels * (labels + 1))
    return flat.reshape(labels, labels + 1)


def accuracy(counts: Counts) -> Values:
    """Give the share of all windows that are right; NaN where there are none."""
    return _share(_hits(counts).sum(axis=-1), counts.sum(axis=(-1, -2)), empty=np.nan)


def recall(counts: Counts) -> Values:
    """Give for each label ``[..., C]`` the share of its windows that are right; 0 for none."""
    return _share(_hits(counts), counts.sum(axis=-1))


def precision(counts: Counts) -> Values:
    """Give for each label ``[..., C]`` the share of its answers that are right; 0 for none."""
    return _share(_hits(counts), counts[..., :-1].sum(axis=-2))


def f1(counts: Counts) -> Values:
    """Give for each label ``[..., C]`` the harmonic mean of precision and recall."""
    both = counts.sum(axis=-1) + counts[..., :-1].sum(axis=-2)
    return _share(2 * _hits(counts), both)


def balanced_accuracy(counts: Counts) -> Values:
    """Give the mean recall of the labels that occur; every label counts the same."""
    return _over_present(recall(counts), counts)


def macro_f1(counts: Counts) -> Values:
    """Give the mean F1 of the labels that occur."""
    return _over_present(f1(counts), counts)


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """How often a model is right when it is so sure, by bins of its confidence.

    Attributes:
        windows: int64 ``[BINS]``.
        confidence: float64 ``[BINS]``, mean in the bin; 0 where it is empty.
        accuracy: float64 ``[BINS]``, share that is right; likewise.
    """

    windows: Counts
    confidence: Values
    accuracy: Values

    @classmethod
    def of(cls, confidence: Values, right: Flags) -> Reliability:
        """Sort windows ``[n]`` by confidence; a border belongs to the bin below."""
        edges = np.linspace(0.0, 1.0, BINS + 1)
        place = np.searchsorted(edges[1:-1], confidence)
        windows = np.bincount(place, minlength=BINS)
        return cls(
            windows,
            _share(np.bincount(place, weights=confidence, minlength=BINS), windows),
            _share(np.bincount(place, weights=right, minlength=BINS), windows),
        )

    @property
    def error(self) -> float:
        """Expected calibration error (Naeini et al., AAAI 2015); NaN for no windows."""
        gaps = np.abs(self.accuracy - self.confidence) * self.windows
        return float(_share(gaps.sum(), self.windows.sum(), empty=np.nan))


def _hits(counts: Counts) -> Counts:
    return np.diagonal(counts[..., :-1], axis1=-2, axis2=-1)


def _share(part: ArrayLike, whole: ArrayLike, empty: float = 0.0) -> Values:
    """Divide; `empty` where there is nothing to divide by."""
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    filled = np.full(np.broadcast_shapes(part.shape, whole.shape), empty)
    shares: Values = np.divide(part, whole, out=filled, where=whole > 0)
    return shares


def _over_present(values: Values, counts: Counts) -> Values:
    present = counts.sum(axis=-1) > 0
    return _share((values * present).sum(axis=-1), present.sum(axis=-1), empty=np.nan)
