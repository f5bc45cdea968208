"""Figures of merit from counts, and how sure they are.

All take counts ``[..., C, C + 1]``: rows are what the wearer did, columns what was answered,
the last one no answer at all. Leading axes are kept, so that a thousand resampled matrices go
through at once. Where scikit-learn has a figure of the name, it is the same figure.

Windows overlap and those of one take resemble each other, so whole takes are drawn again and
again (the cluster bootstrap: Davison and Hinkley, Bootstrap Methods and their Application,
3.8). Intervals are percentiles of 95 %. All models see the same draws, which pairs them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
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


RESAMPLES: Final = 2000

SEED: Final = 1

LEVEL: Final = 0.95
"""Of the intervals; what is left is the chance that is taken of a wrong "sure"."""

FEWEST: Final = 2
"""Takes below which nothing is said of how sure a figure is."""

_CHUNK: Final = 250

Spread = tuple[float, float] | None
"""Lower and upper end of an interval; None where the takes cannot tell: there is one alone, or
all are alike, which is luck or not and looks the same drawn again."""


def spreads(
    counts: Counts, figures: Mapping[str, Callable[[Counts], Values]]
) -> dict[str, Spread]:
    """Give the interval of each figure.

    Args:
        counts: ``[t, ...]``, those of each take.
        figures: by name, each a function of the sum of the counts of takes, as in `metrics`.
    """
    if len(counts) < FEWEST:
        return dict.fromkeys(figures)
    values: dict[str, list[Values]] = {name: [] for name in figures}
    for drawn in _drawn(counts):
        for name, figure in figures.items():
            values[name].append(figure(drawn))
    found = {name: _percentiles(np.concatenate(parts)) for name, parts in values.items()}
    return {name: ends if ends and ends[0] < ends[1] else None for name, ends in found.items()}


@dataclass(frozen=True, slots=True)
class Paired:
    """Two sets of answers on the same takes.

    Attributes:
        takes: how many takes there are.
        first, second: share of right windows of each.
        spread: interval of `first` - `second`.
        won, lost: takes of which the first had the larger share right, and the smaller.
        chance: p-value of McNemar's exact test, with the take as what counts once.
    """

    takes: int
    first: float
    second: float
    spread: Spread
    won: int
    lost: int
    chance: float

    @property
    def alike(self) -> bool:
        """Whether no take tells them apart."""
        return self.won == self.lost == 0

    @property
    def leaning(self) -> bool:
        """Whether the interval leaves out no difference."""
        return self.spread is not None and (self.spread[0] > 0 or self.spread[1] < 0)

    @property
    def sure(self) -> bool:
        """Whether both the interval and the test say that there is a difference.

        With few takes the bootstrap alone is sure too soon; the test needs six at least.
        """
        return self.leaning and self.chance <= 1 - LEVEL


def paired(first: Counts, second: Counts) -> Paired:
    """Compare two sets of answers, take by take.

    Args:
        first: int64 ``[t, 2]``, right windows and all windows of each take, t > 0.
        second: the same of the other.
    """
    both = np.stack([first, second], axis=1)
    differences = [np.subtract(*_shares(drawn).T) for drawn in _drawn(both)]
    difference = np.subtract(*_shares(both).T)
    won, lost = int((difference > 0).sum()), int((difference < 0).sum())
    overall = _shares(both.sum(axis=0))
    return Paired(
        takes=len(both),
        first=float(overall[0]),
        second=float(overall[1]),
        spread=_percentiles(np.concatenate(differences)) if len(both) >= FEWEST else None,
        won=won,
        lost=lost,
        chance=mcnemar(won, lost),
    )


def mcnemar(won: int, lost: int) -> float:
    """Give the two-sided p-value of McNemar's exact test (the sign test).

    It is the chance of a result at least as lopsided from a fair coin.

    Args:
        won: cases in which the first alone was right.
        lost: cases in which the second alone was right.
    """
    tosses = won + lost
    tail = sum(math.comb(tosses, k) for k in range(min(won, lost) + 1))
    return min(1.0, float(2 * tail / 2**tosses))


def _shares(counts: Counts) -> Values:
    shares: Values = counts[..., 0] / np.maximum(counts[..., 1], 1)
    return shares


def _drawn(counts: Counts) -> Iterator[Counts]:
    """Draw takes with replacement, `RESAMPLES` times; give sums of their counts, in chunks."""
    rng = np.random.default_rng(SEED)
    takes = len(counts)
    flat = counts.reshape(takes, -1)
    for begin in range(0, RESAMPLES, _CHUNK):
        size = min(_CHUNK, RESAMPLES - begin)
        times: NDArray[np.int64] = rng.multinomial(takes, np.full(takes, 1 / takes), size)
        yield (times @ flat).reshape(size, *counts.shape[1:])


def _percentiles(values: Values) -> Spread:
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
