"""What a Python user would take instead, trained on the same people as the base."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harpi.signal.features import features
from harpi.signal.orientation import any_rotations, turn
from harpi.types import FloatArray
from harpi_models.datasets.catalogue import CORE
from harpi_models.datasets.layout import LENGTH, RATE
from harpi_models.examples import Examples, balance
from harpi_models.minirocket import MiniRocket
from harpi_models.protocol import Embed

WINDOWS = 12_000
"""Windows that each rival learns from, drawn evenly over sets, places, labels and people."""

Rival = Callable[[FloatArray, NDArray[np.int64]], Embed]


def training_windows(
    examples: Examples, *, seed: int, turned: bool
) -> tuple[FloatArray, NDArray[np.int64]]:
    """Windows of the core labels to learn from, and their labels.

    Args:
        examples: windows of the training people.
        seed: of the draw.
        turned: whether every second window has its strap turned at random.
    """
    sure = examples.where(examples.sure)
    rng = np.random.default_rng(seed)
    drawn = rng.choice(len(sure), WINDOWS, p=balance(sure))
    windows = np.ascontiguousarray(sure.values[drawn][:, :LENGTH])
    if turned:
        half = len(windows) // 2
        windows[:half] = turn(windows[:half], any_rotations(half, rng))
    return windows, np.argmax(sure.core[drawn], axis=1)


def random_forest(windows: FloatArray, labels: NDArray[np.int64]) -> Embed:
    """RandomForest on the kNN's features."""
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(200, min_samples_leaf=2, random_state=0, n_jobs=1)
    model.fit(features(windows, RATE), labels)
    return lambda asked: _by_label(model, model.predict_proba(features(asked, RATE)))


def nearest_neighbours(windows: FloatArray, labels: NDArray[np.int64]) -> Embed:
    """Five nearest neighbours on the standardised features."""
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), KNeighborsClassifier(5, weights="distance"))
    model.fit(features(windows, RATE), labels)
    return lambda asked: _by_label(model, model.predict_proba(features(asked, RATE)))


def minirocket_ridge(windows: FloatArray, labels: NDArray[np.int64]) -> Embed:
    """MiniRocket and a ridge classifier."""
    from sklearn.linear_model import RidgeClassifier

    transform = MiniRocket(windows, features=1008)
    model = RidgeClassifier(10.0)
    model.fit(transform(windows), labels)
    return lambda asked: _by_label(model, model.decision_function(transform(asked)))


RIVALS: dict[str, Rival] = {
    "RandomForest on features": random_forest,
    "kNN on features": nearest_neighbours,
    "MiniRocket + ridge": minirocket_ridge,
}


def _by_label(model: Any, scores: NDArray[np.floating]) -> FloatArray:
    """Scores ``[n, 9]``; nothing for labels that were not in the training windows."""
    full = np.full((len(scores), len(CORE)), -np.inf, np.float32)
    full[:, model.classes_] = scores
    return full
