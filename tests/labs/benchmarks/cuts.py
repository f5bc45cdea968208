"""What was the largest cost, and was cut: as it was, and as it is.

The old ways are kept here, to be measured beside the new ones; both give the same answers.

- A query of the neighbours made arrays as large as everything that is remembered; now the
  points come in blocks that a processor's cache holds.
- Distances from the shipped reference began with scaling its centroids, at every window.
- A daemon that started built the kNN anew after each stored take, and made the features of all
  takes for a training that keeps those of the last 1600 windows only.
- What a Fourier transform is multiplied with was made anew at each window.
- How far a window is from each class was computed class by class.

Where it stopped: on the bus, the frames' own bits are nearly all that is left (`bus`). Of the
networks, LiteRT's own time is most (`stages`); its delegate XNNPACK would be quicker
(`runtimes`), but makes code at run time, which the service's sandbox forbids, and a window is
due every 640 ms only. Of the features of a window alone, most is the price of calling NumPy:
in a batch the same features cost a fraction (`features`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from harpi import shipped
from harpi.recognition.knn import KnnClassifier
from harpi.recognition.knn_memory import KnnReference
from harpi.recognition.rejection import Rejection
from harpi.signal import features as signal_features
from harpi.signal.features import features
from harpi.types import FloatArray
from tests.labs.benchmarks.effort import Effort
from tests.labs.benchmarks.neighbours import remembered, taught
from tests.labs.benchmarks.table import Table
from tests.labs.benchmarks.turns import Task, in_turns
from tests.labs.benchmarks.wearers import LENGTH, RATE, shipped_wearer

ROUNDS = 9
TAKES = 100
TAKE = 20
SIZES = (100, 4000, 40_000)
CLASSES = 16


def measure(effort: Effort) -> list[Table]:
    table = Table("Each old way beside the new one", note="ratio: old over new.")
    for what, old, new in pairs(effort):
        tasks: dict[str, Task] = {"old": old, "new": new}
        times = in_turns(tasks, effort.rounds(ROUNDS))
        table.add(
            what=what,
            **{
                "old, CPU ms": times.of("old", 0.001),
                "new, CPU ms": times.of("new", 0.001),
                "ratio": times.ratio("old", "new"),
            },
        )
    return [table]


Pair = tuple[str, Callable[[], object], Callable[[], object]]
"""What it is, the old way, the new way; both give the same."""


def pairs(effort: Effort) -> list[Pair]:
    """All that was cut."""
    return [
        *(_query(size) for size in effort.sizes(*SIZES)),
        _reference(),
        _rejection(),
        _start(min(TAKES, effort.rounds(5 * TAKES))),
        _features(),
    ]


class _OldNeighbours(KnnClassifier):
    def _distances(self, points: FloatArray, row: FloatArray) -> FloatArray:
        return self._metric(points, row)


class _OldReference(KnnReference):
    def distances(self, features: FloatArray) -> FloatArray:
        centroids = self.scaled(self.centroids)
        return np.array(
            [np.abs(centroids - row).mean(axis=1).min() for row in self.scaled(features)],
            np.float32,
        )


class _OldRejection(Rejection):
    def distances(self, features: FloatArray) -> FloatArray:
        squares = [
            np.square((features - mean) / scale).mean(axis=1)
            for mean, scale in zip(self.means, self.scales, strict=True)
        ]
        distances: FloatArray = np.sqrt(np.min(squares, axis=0))
        return distances


def _query(count: int) -> Pair:
    rows, window = remembered(count), shipped_wearer().asked[:1]
    old, new = (taught(rows, 8, kind) for kind in (_OldNeighbours, KnnClassifier))
    return (
        f"a query of {count} windows",
        lambda: old.predict(window)[0].probabilities,
        lambda: new.predict(window)[0].probabilities,
    )


def _reference() -> Pair:
    path = shipped.path("models/knn_reference.safetensors")
    old, new = _OldReference.read(path), KnnReference.read(path)
    row = features(shipped_wearer().asked[:1], RATE)
    return "far from the reference?", lambda: old.distances(row), lambda: new.distances(row)


def _rejection() -> Pair:
    rows = remembered(10 * CLASSES)
    targets = np.arange(len(rows), dtype=np.int64) % CLASSES
    old, new = _OldRejection.fit(rows, targets), Rejection.fit(rows, targets)
    return (
        f"far from each of {CLASSES} classes?",
        lambda: old.distances(rows[:1]),
        lambda: new.distances(rows[:1]),
    )


def _start(takes: int) -> Pair:
    windows = shipped_wearer().learnt[:TAKE]

    def old() -> object:
        knn = KnnClassifier(rate=RATE, length=LENGTH)
        for take in range(takes):
            knn.add(windows, f"activity {take % 8}", take=str(take))
        return knn.predict(windows[:1])[0].probabilities

    def new() -> object:
        knn = KnnClassifier(rate=RATE, length=LENGTH)
        with knn.gathering():
            for take in range(takes):
                knn.add(windows, f"activity {take % 8}", take=str(take))
        return knn.predict(windows[:1])[0].probabilities

    return f"the kNN built from {takes} stored takes", old, new


def _features() -> Pair:
    window = shipped_wearer().asked[:1]

    def old() -> object:
        signal_features._spectral_grid.cache_clear()
        return features(window, RATE)

    return "features of a window", old, lambda: features(window, RATE)
