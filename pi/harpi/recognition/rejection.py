"""When to say *unknown*: by distance from everything that was recorded and trained.

A softmax is sure of itself far away from all it has seen; the Mahalanobis distance to the
nearest class is not (Lee et al., NeurIPS 2018). A full covariance is mostly noise with few
windows, so it is shrunk all the way to its diagonal, and the variances of each class half
way to what they are over all classes. Measured on arms, legs, wrists and pockets with half
of the activities unknown, that is as good as any full covariance, or better.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harpi.types import FloatArray

_SHRINKAGE: Final = 0.5
"""How far the variances of a class go towards their mean over the classes."""
_FLOOR: Final = 0.01
"""Least variance within a class, as a share of the variance over everything learnt."""
LEAST_SPREAD: Final = 0.3
"""Least spread within a class, as a share of the spread that a feature has over movements of
all kinds. A feature of the base that is constant in the takes, because nothing in them wakes
it, would otherwise count any later activation as a distance of thousands. Of 24 strangers, the
AUROC of the answer with half of the activities unknown is .903 without, .972 at .1 and
.975 at .3."""
_SMALLEST_SPREAD: Final = 1e-6
_MARGIN: Final = 1.35
"""By how much the threshold exceeds the distance that held-out windows promise. They are from
the same minutes as what was learnt, and later windows lie further away: at a rate of .05, 24
strangers had .16 of their own activities called unknown without a margin (the worst .53), .08
at 1.2 and .03 at 1.4."""
_FOLDS: Final = 4
_OVERLAP: Final = 3
"""Windows on either side that share signal with a window, at a hop of a quarter window."""


@dataclass(frozen=True, slots=True, eq=False)
class Rejection:
    """Where the classes lie, how wide they are, and how far from them all is unknown.

    Attributes:
        means: float32 ``[C, F]``.
        scales: float32 ``[C, F]``, standard deviations; positive.
        threshold: distance beyond which features are unknown; infinite until calibrated.
    """

    means: FloatArray
    scales: FloatArray
    threshold: float = math.inf

    @classmethod
    def fit(
        cls, features: FloatArray, targets: NDArray[np.int64], floor: FloatArray | float = 0.0
    ) -> Rejection:
        """Measure where classes lie and how wide they are.

        Args:
            features: ``[n, F]``, n at least 1.
            targets: ``[n]``, class of each row.
            floor: least spread within a class, of every feature or ``[F]``; see
                `least_spread`.
        """
        exact = features.astype(np.float64)
        rows = [exact[targets == target] for target in np.unique(targets)]
        variances = np.stack([own.var(axis=0) for own in rows])
        shrunk = (1 - _SHRINKAGE) * variances + _SHRINKAGE * variances.mean(axis=0)
        least = np.maximum(
            _FLOOR * exact.var(axis=0), np.square(np.maximum(floor, _SMALLEST_SPREAD))
        )
        return cls(
            np.stack([own.mean(axis=0) for own in rows]).astype(np.float32),
            np.sqrt(np.maximum(shrunk, least)).astype(np.float32),
        )

    @classmethod
    def cross_validated(
        cls,
        features: FloatArray,
        targets: NDArray[np.int64],
        takes: NDArray[np.int64],
        rate: float,
        floor: FloatArray | float = 0.0,
    ) -> Rejection:
        """Fit on everything, with the threshold from windows that were left out in turn.

        Args:
            features: ``[n, F]``, the windows of a take together and in the order of time.
            targets: ``[n]``, class of each row.
            takes: ``[n]``, number of the take that each row is from. Whole takes are left
                out; of a class with one take only, stretches of it.
            rate: share of familiar windows that may be called unknown.
            floor: as in `fit`.
        """
        folds = _folds(targets, takes)
        familiar = []
        for fold in range(_FOLDS):
            judged = folds == fold
            learnt = ~judged & ~_beside(judged)
            judged &= np.isin(targets, targets[learnt])
            if judged.any():
                part = cls.fit(features[learnt], targets[learnt], floor)
                familiar.append(part.distances(features[judged]))
        fitted = cls.fit(features, targets, floor)
        distances = np.concatenate([np.empty(0, np.float32), *familiar])
        return fitted.calibrated(distances * np.float32(_MARGIN), rate)

    def distances(self, features: FloatArray) -> FloatArray:
        """Distance of features ``[n, F]`` to the nearest class, ``[n]``.

        It is the root mean square over the features, in standard deviations of the class:
        what is typical of a class lies near 1.
        """
        if len(features) < len(self.means):
            nearest = [
                np.square((row - self.means) / self.scales).mean(axis=1).min()
                for row in features
            ]
            return np.sqrt(np.array(nearest, np.float32))
        squares = [
            np.square((features - mean) / scale).mean(axis=1)
            for mean, scale in zip(self.means, self.scales, strict=True)
        ]
        distances: FloatArray = np.sqrt(np.min(squares, axis=0))
        return distances

    def calibrated(self, familiar: FloatArray, rate: float) -> Rejection:
        """Choose the threshold.

        Args:
            familiar: distances of windows of the learnt classes that were not learnt.
            rate: share of familiar windows that may be called unknown.
        """
        return replace(self, threshold=threshold_for(familiar, rate))

    def unknown(self, features: FloatArray) -> NDArray[np.bool_]:
        """Whether features ``[n, F]`` are unlike anything learnt, ``[n]``."""
        return self.distances(features) > self.threshold


_FEATURES_AT_ONCE: Final = 32
"""Features whose spread is measured at once; bounds memory."""


def least_spread(features: FloatArray, turned: FloatArray, base: int) -> FloatArray:
    """Find the least spread that features may have within a class, from what was learnt.

    Turned copies wake features of the base that the takes left at rest. One that still is
    constant is taken to spread as the median of the base's does; they are activations of
    layers that were normalised alike.

    Args:
        features: ``[n, F]``, n at least 1.
        turned: ``[n, K, F]``, of turned copies.
        base: how many of the F features, the first ones, are the base's.

    Returns:
        float32 ``[F]``.
    """
    spread = np.empty(features.shape[1])
    for begin in range(0, len(spread), _FEATURES_AT_ONCE):
        some = slice(begin, begin + _FEATURES_AT_ONCE)
        rows = np.concatenate([features[:, None, some], turned[..., some]], axis=1)
        spread[some] = rows.std(axis=(0, 1), dtype=np.float64)
    spread[:base] = np.maximum(spread[:base], np.median(spread[:base]))
    floor: FloatArray = (LEAST_SPREAD * spread).astype(np.float32)
    return floor


def threshold_for(familiar: FloatArray, rate: float) -> float:
    """Find the distance that only a share `rate` of familiar windows exceeds.

    It is the conformal quantile, which holds for the next window and not only for those at
    hand (Vovk, Gammerman, Shafer: Algorithmic Learning in a Random World).

    Args:
        familiar: distances of held-out familiar windows, ``[n]``.
        rate: from 0 to 1.

    Returns:
        The threshold; infinite where there are too few windows to promise the rate.
    """
    count = len(familiar)
    place = max(math.ceil((count + 1) * (1 - rate)), 1)
    if place > count:
        return math.inf
    return float(np.sort(familiar)[place - 1])


def _folds(targets: NDArray[np.int64], takes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Deal the rows of each class into folds: by take, or in stretches of its only take."""
    folds = np.empty(len(targets), np.int64)
    for target in np.unique(targets):
        rows = np.flatnonzero(targets == target)
        own, turn = np.unique(takes[rows], return_inverse=True)
        if len(own) == 1:
            turn = np.arange(len(rows)) * _FOLDS // len(rows)
        folds[rows] = turn.ravel() % _FOLDS
    return folds


def _beside(rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Rows so close to the given ones that they may share signal with them."""
    reach = np.ones(2 * _OVERLAP + 1)
    return np.convolve(rows, reach)[_OVERLAP:-_OVERLAP] > 0
