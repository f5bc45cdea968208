"""Figures of merit, and how sure one can be of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Answers = NDArray[np.integer]
RESAMPLES = 2000
FLIPS = 10_000


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over people with its 95 % confidence interval.

    Attributes:
        mean: over the people.
        low: lower end of the interval.
        high: upper end of the interval.
        people: how many they were.
    """

    mean: float
    low: float
    high: float
    people: int

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.2f}, {self.high:.2f}]"


def macro_f1(truth: Answers, answers: Answers) -> float:
    """Mean F1 over the classes that occur in the truth.

    Args:
        truth: class of each window.
        answers: what was answered; also classes that do not occur in the truth.
    """
    scores = []
    for c in np.unique(truth):
        hits = np.sum((truth == c) & (answers == c))
        scores.append(2 * hits / (np.sum(truth == c) + np.sum(answers == c)))
    return float(np.mean(scores))


def over_people(scores: Sequence[float]) -> Figure:
    """Mean of one score for each person, by a seeded percentile bootstrap over people.

    Windows of one person resemble each other; only people are independent.
    """
    values = np.asarray(scores, np.float64)
    rng = np.random.default_rng(0)
    means = values[rng.integers(0, len(values), (RESAMPLES, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Figure(float(values.mean()), float(low), float(high), len(values))


@dataclass(frozen=True, slots=True)
class Difference:
    """By how much one model is better than another with the same people.

    Attributes:
        mean: of the differences over the people.
        low: lower end of its 95 % interval.
        high: upper end of it.
        people: how many they were.
        p_value: how often chance alone would make as large a mean.
    """

    mean: float
    low: float
    high: float
    people: int
    p_value: float

    @property
    def sure(self) -> bool:
        """Whether neither the interval nor the test leaves room for the opposite."""
        return self.p_value < 0.05 and (self.low > 0 or self.high < 0)

    def __str__(self) -> str:
        return f"{self.mean:+.3f} [{self.low:+.2f}, {self.high:+.2f}]"


def paired(first: Sequence[float], second: Sequence[float]) -> Difference:
    """Compare two scores for each person.

    The interval is a bootstrap over people; the test flips the signs of the differences at
    random (Fisher's randomisation test), both seeded.

    Args:
        first: one score for each person.
        second: the other's, of the same people in the same order.
    """
    values = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    figure = over_people(values.tolist())
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (FLIPS, len(values)))
    as_large = np.abs((signs * values).mean(axis=1)) >= abs(figure.mean) - 1e-12
    p_value = float((1 + as_large.sum()) / (1 + FLIPS))
    return Difference(figure.mean, figure.low, figure.high, figure.people, p_value)


def auroc(known: NDArray[np.floating], unknown: NDArray[np.floating]) -> float:
    """Chance that an unknown window has a larger score than a known one (ties count half)."""
    order = np.concatenate([known, unknown]).argsort(kind="stable")
    values = np.concatenate([known, unknown])[order]
    _, first, counts = np.unique(values, return_index=True, return_counts=True)
    ranks = np.empty(len(order))
    ranks[order] = np.repeat(first + (counts + 1) / 2, counts)
    rank_sum = ranks[len(known) :].sum()
    pairs = len(known) * len(unknown)
    return float((rank_sum - len(unknown) * (len(unknown) + 1) / 2) / pairs)
