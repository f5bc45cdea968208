"""The kNN's compact reference: what the training people's windows look like, per class."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from harpi.recognition.knn_memory import KnnReference
from harpi.signal.features import features
from harpi.types import FloatArray
from harpi_models.datasets.catalogue import CORE
from harpi_models.datasets.layout import LENGTH, RATE
from harpi_models.examples import Examples

WINDOWS_PER_CELL: Final = 1500
FAMILIAR_WINDOWS: Final = 10_000
HELD_OUT: Final = 4
"""Every so many-th person measures how far strangers lie from the centroids of the others."""
QUANTILES: Final = 201


def knn_reference(examples: Examples, *, centroids: int = 8, seed: int = 1) -> KnnReference:
    """Condense the training people's windows.

    Measured on people left out: from 1 to 8 centroids for each class at each place, macro F1
    rises from .71 to .82 (right arm) and from .79 to .89 (waist); 16 gain nothing more.

    Args:
        examples: windows of the training people.
        centroids: for each class at each place on the body.
        seed: of the choice of windows and of the clustering.
    """
    sure = examples.where(examples.sure)
    held_out = sure.person % HELD_OUT == 0
    strangers = sure.where(held_out)
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(strangers))[:FAMILIAR_WINDOWS]
    distances = _condense(sure.where(~held_out), centroids, seed).distances(
        features(strangers.values[chosen][:, :LENGTH], RATE)
    )
    familiar = np.quantile(distances, np.linspace(0, 1, QUANTILES)).astype(np.float32)
    return replace(_condense(sure, centroids, seed), familiar=familiar)


def _condense(examples: Examples, centroids: int, seed: int) -> KnnReference:
    """Cluster each class at each place; nothing is said yet of what is familiar."""
    rng = np.random.default_rng(seed)
    label = np.argmax(examples.core, axis=1)
    owners, cells = [], []
    for c in range(len(CORE)):
        for place in np.unique(examples.position[label == c]):
            mine = np.flatnonzero((label == c) & (examples.position == place))
            chosen = rng.permutation(mine)[:WINDOWS_PER_CELL]
            owners.append(c)
            cells.append(features(examples.values[chosen][:, :LENGTH], RATE))
    everything = np.concatenate(cells)
    mean, scale = everything.mean(axis=0), everything.std(axis=0) + np.float32(1e-6)
    points = [_medians((rows - mean) / scale, centroids, seed) * scale + mean for rows in cells]
    return KnnReference(
        labels=CORE,
        centroids=np.concatenate(points).astype(np.float32),
        owners=np.repeat(owners, [len(found) for found in points]).astype(np.int64),
        mean=mean,
        scale=scale,
        familiar=np.zeros(1, np.float32),
        rate=RATE,
        length=LENGTH,
        data=tuple(data_set.name for data_set in examples.data_sets),
    )


def _medians(rows: FloatArray, count: int, seed: int) -> FloatArray:
    """Medians ``[count, F]`` of the clusters of rows; fewer where there are fewer rows."""
    from sklearn.cluster import KMeans

    found = KMeans(min(count, len(rows)), n_init=2, random_state=seed).fit(rows)
    return np.stack(
        [np.median(rows[found.labels_ == c], axis=0) for c in np.unique(found.labels_)]
    )
