"""The nearest neighbours: the wearer's own windows, and people measured before.

Distances count steeply: a neighbour twice as far has 1/256 of the say. A window of the
wearer is taken to be nearer than it is, so far that among equals it has `own_weight` times
the say. With that the two stand side by side without either being dropped. Measured on
people unknown to the reference who taught 10 windows each: of 4 activities out of 9, .96
of the windows come right (.95 without the reference, where nothing else can), and .71 of
those of the other five; of activities that the reference lacks .97, beside .82 of those
that it has. An own weight of 2 gives .96, .77, .94 and .84 in the same order.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from harpi.errors import ModelError
from harpi.recognition.interpreter import check_windows
from harpi.recognition.knn_memory import KnnMemory, KnnReference
from harpi.recognition.rejection import LEAST_SPREAD, Rejection
from harpi.signal.features import SharedFeatures
from harpi.signal.features import features as features_of
from harpi.types import FloatArray, Prediction

Metric = Literal["euclidean", "manhattan", "chebyshev", "cosine"]

STEEPNESS: Final = 8.0
"""Exponent of the distance in a neighbour's weight; 1 would be the textbook's."""
_NO_DISTANCE: Final = 1e-9
_BLOCK: Final = 512
"""Points whose distances are computed at once; so many differences fit a processor's cache."""
_ENOUGH: Final = 4000
"""Windows of the wearer by which it is judged what is far from them."""


def _euclidean(rows: FloatArray, row: FloatArray) -> FloatArray:
    distances: FloatArray = np.sqrt(np.square(rows - row).sum(axis=1))
    return distances


def _manhattan(rows: FloatArray, row: FloatArray) -> FloatArray:
    distances: FloatArray = np.abs(rows - row).sum(axis=1)
    return distances


def _chebyshev(rows: FloatArray, row: FloatArray) -> FloatArray:
    distances: FloatArray = np.abs(rows - row).max(axis=1)
    return distances


def _cosine(rows: FloatArray, row: FloatArray) -> FloatArray:
    lengths = np.sqrt(np.square(rows).sum(axis=1) * np.square(row).sum())
    similarity = (rows * row).sum(axis=1) / np.maximum(lengths, np.float32(_NO_DISTANCE))
    distances: FloatArray = np.maximum(1 - similarity, 0)
    return distances


_METRICS: Final[Mapping[Metric, Callable[[FloatArray, FloatArray], FloatArray]]] = {
    "euclidean": _euclidean,
    "manhattan": _manhattan,
    "chebyshev": _chebyshev,
    "cosine": _cosine,
}


@dataclass(frozen=True, slots=True, eq=False)
class _Knowledge:
    """All that a prediction needs, built anew when anything is learnt or forgotten.

    Attributes:
        memory: what it was built from.
        labels: of the reference, then the wearer's further ones.
        points: float32 ``[m, F]``, scaled: the reference's, then the wearer's.
        owners: intp ``[m]``, index into `labels`.
        nearness: float32 ``[m]``, by which the distance of each is divided.
        mean: float32 ``[F]`` and
        scale: float32 ``[F]``, of the scaling.
        own: when the wearer's windows say unknown; None where there are none.
    """

    memory: KnnMemory
    labels: tuple[str, ...]
    points: FloatArray
    owners: NDArray[np.intp]
    nearness: FloatArray
    mean: FloatArray
    scale: FloatArray
    own: Rejection | None


class KnnClassifier:
    """Distance-weighted nearest neighbours over `harpi.signal.features`.

    Predictions are one thread's business; what is remembered may be changed by any other
    at the same time, and takes effect with the next prediction.

    A window is unknown when it is far from everything: from the reference, by the distance
    that other people's windows have, and from the wearer's windows, by a threshold that
    holds on windows which were left out. While the wearer's windows are too few to promise
    the rate, nothing is called unknown.

    Args:
        rate: samples per second of the windows.
        length: samples in a window.
        reference: what it knows from the start; None to know nothing.
        k: neighbours that are asked.
        metric: distance between scaled features.
        own_weight: how much more a window of the wearer weighs than a centroid as far away.
        capacity: windows of the wearer that are remembered; see `KnnMemory.thinned`.
        unknown_rate: share of familiar windows that may be called unknown.
        seed: of the choice of what is forgotten when the memory is full.

    Raises:
        ModelError: the reference is for windows of another rate or length.
    """

    name: Final = "knn"

    def __init__(
        self,
        *,
        rate: float,
        length: int,
        reference: KnnReference | None = None,
        k: int = 5,
        metric: Metric = "manhattan",
        own_weight: float = 4.0,
        capacity: int = 4000,
        unknown_rate: float = 0.05,
        seed: int = 1,
    ) -> None:
        if reference is not None and (reference.rate, reference.length) != (rate, length):
            raise ModelError(
                f"the kNN reference is for windows of {reference.length} samples at "
                f"{reference.rate:g} per second, not of {length} at {rate:g}",
                where="models.knn_reference",
                remedy="Set `signal.length` and `signal.rate` to those of the reference",
            )
        self._rate = rate
        self._length = length
        self._reference = reference
        self._k = k
        self._metric = _METRICS[metric]
        self._own_weight = own_weight
        self._capacity = capacity
        self._unknown_rate = unknown_rate
        self._rng = np.random.default_rng(seed)
        self._changing = threading.Lock()
        self._gathering = False
        self._memory = KnnMemory.empty()
        self._knowledge = self._learn(self._memory)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels it can answer with: the reference's, then the wearer's further ones."""
        return self._knowledge.labels

    @property
    def capacity(self) -> int:
        """Windows of the wearer that are remembered at most."""
        return self._capacity

    @property
    def counts(self) -> dict[str, int]:
        """Windows of the wearer that are remembered, by label."""
        return self._knowledge.memory.counts

    def predict(
        self, windows: FloatArray, shared: SharedFeatures | None = None
    ) -> list[Prediction]:
        """Judge windows; see `harpi.recognition.classifiers.Classifier`."""
        check_windows(windows, self._length, self.name)
        knowledge = self._knowledge
        if not knowledge.labels:
            return [Prediction.untrained(self.name) for _ in windows]
        rows = (shared or SharedFeatures(windows)).at(self._rate)
        scaled = (rows - knowledge.mean) / knowledge.scale
        unknown = self._unknown(knowledge, rows, scaled)
        return [
            Prediction(self.name, knowledge.labels, self._vote(knowledge, row), bool(far))
            for row, far in zip(scaled, unknown, strict=True)
        ]

    def add(self, windows: FloatArray, label: str, *, take: str = "") -> None:
        """Remember windows of the wearer.

        Args:
            windows: ``[n, T, 6]``, in the order of time.
            label: what the wearer did.
            take: the take that they are from, by which they can be forgotten again.

        Raises:
            ModelError: the windows have another length, or values that are not finite.
        """
        check_windows(windows, self._length, self.name)
        rows = features_of(windows, self._rate)
        with self._changing:
            memory = self._memory.added(rows, label, take).thinned(self._capacity, self._rng)
            if self._gathering:
                self._memory = memory
            else:
                self._replace(memory)

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """Let what is added meanwhile take effect at the end, all at once.

        What a prediction needs is then built once, and not after each take of many.
        """
        self._gathering = True
        try:
            yield
        finally:
            with self._changing:
                self._gathering = False
                self._replace(self._memory)

    def forget_label(self, label: str) -> None:
        """Forget the wearer's windows of a label; the reference keeps its own."""
        with self._changing:
            self._replace(self._memory.without_label(label))

    def forget_take(self, take: str) -> None:
        """Forget the windows of a take."""
        with self._changing:
            self._replace(self._memory.without_take(take))

    def forget_all(self) -> None:
        """Forget everything of the wearer."""
        with self._changing:
            self._replace(KnnMemory.empty())

    def _replace(self, memory: KnnMemory) -> None:
        """Take a memory into use, in one assignment for whoever predicts meanwhile."""
        self._knowledge = self._learn(memory)
        self._memory = memory

    def _learn(self, memory: KnnMemory) -> _Knowledge:
        """Build all that predictions need."""
        reference = self._reference
        known = () if reference is None else reference.labels
        labels = tuple(dict.fromkeys((*known, *memory.labels)))
        own_owners = memory.indices(labels)
        if reference is None:
            points, owners = memory.features, own_owners
            mean, scale = _scaling(memory.features)
            nearness = np.ones(len(memory), np.float32)
        else:
            points = np.concatenate([reference.centroids, memory.features])
            owners = np.concatenate([reference.owners, own_owners])
            mean, scale = reference.mean, reference.scale
            nearness = np.ones(len(points), np.float32)
            nearness[len(reference.centroids) :] = self._own_weight ** (1 / STEEPNESS)
        points = points - mean
        points /= scale
        own = None
        if len(memory):
            some = _some(own_owners)
            takes = [memory.takes[row] for row in some]
            own = Rejection.cross_validated(
                points[len(points) - len(memory) :][some],
                own_owners[some],
                np.unique(takes, return_inverse=True)[1].ravel(),
                self._unknown_rate,
                LEAST_SPREAD,  # scaled features spread by 1 over movements of all kinds
            )
        places = owners.astype(np.intp)  # as np.bincount wants them, also where that is 32 bits
        return _Knowledge(memory, labels, points, places, nearness, mean, scale, own)

    def _unknown(
        self, knowledge: _Knowledge, rows: FloatArray, scaled: FloatArray
    ) -> NDArray[np.bool_]:
        """Whether windows are far from everything, ``[n]``."""
        unknown = np.ones(len(rows), np.bool_)
        if self._reference is not None:
            threshold = self._reference.threshold(self._unknown_rate)
            unknown &= self._reference.distances(rows) > threshold
        if knowledge.own is not None:
            unknown &= knowledge.own.unknown(scaled)
        return unknown

    def _vote(self, knowledge: _Knowledge, row: FloatArray) -> FloatArray:
        """Probabilities of the labels for one scaled window ``[F]``."""
        distances = self._distances(knowledge.points, row) / knowledge.nearness
        k = min(self._k, len(distances))
        nearest = np.argpartition(distances, k - 1)[:k]
        near = distances[nearest].astype(np.float64) + _NO_DISTANCE
        says = (near.min() / near) ** STEEPNESS
        votes = np.bincount(
            knowledge.owners[nearest], weights=says, minlength=len(knowledge.labels)
        )
        probabilities: FloatArray = (votes / votes.sum()).astype(np.float32)
        return probabilities

    def _distances(self, points: FloatArray, row: FloatArray) -> FloatArray:
        """Distances of points ``[m, F]`` from a row ``[F]``, ``[m]``."""
        distances = np.empty(len(points), np.float32)
        for begin in range(0, len(points), _BLOCK):
            block = slice(begin, begin + _BLOCK)
            distances[block] = self._metric(points[block], row)
        return distances


def _some(owners: NDArray[np.int64]) -> NDArray[np.intp]:
    """Rows that stand for all: every one, or as many of each label, spread over its past."""
    if len(owners) <= _ENOUGH:
        return np.arange(len(owners))
    rows = [np.flatnonzero(owners == owner) for owner in np.unique(owners)]
    share = max(1, _ENOUGH // len(rows))
    spread = (np.linspace(0, len(own) - 1, min(len(own), share)) for own in rows)
    chosen = [own[places.astype(np.intp)] for own, places in zip(rows, spread, strict=True)]
    return np.sort(np.concatenate(chosen))


def _scaling(features: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and spread of features ``[n, F]``; 0 and 1 where nothing can be told."""
    if len(features) < 2:
        return np.zeros(features.shape[1], np.float32), np.ones(features.shape[1], np.float32)
    spread = features.std(axis=0)
    scale = np.where(spread > _NO_DISTANCE, spread, 1).astype(np.float32)
    mean: FloatArray = features.mean(axis=0)
    return mean, scale
