"""The two ways of learning on the embedding that Google's Coral library offers.

Written from the description of `pycoral.learn` and of its example `backprop_last_layer`, not
from its code; the embedding is harpi's base, where Coral's users have an image network.
"""

from __future__ import annotations

import numpy as np

from harpi.types import FloatArray
from harpi_models.study.lesson import Codes

INITIAL_SPREAD = 0.05
LEARNING_RATE = 0.01
STEPS = 500
BATCH = 100
"""These four as in the example `backprop_last_layer`."""


def softmax_regression(
    features: FloatArray, classes: Codes, *, seed: int = 1
) -> tuple[FloatArray, FloatArray]:
    """Fit one layer by plain stochastic gradient descent on the log loss.

    Args:
        features: ``[m, F]``, as they come.
        classes: ``[m]``, from 0.
        seed: of the first weights and of the batches, which are drawn with replacement.

    Returns:
        Weights ``[F, C]`` and bias ``[C]``.
    """
    rng = np.random.default_rng(seed)
    count = int(classes.max()) + 1
    weights = rng.normal(0, INITIAL_SPREAD, (features.shape[1], count))
    bias = np.zeros(count)
    targets = np.eye(count)[classes]
    for _ in range(STEPS):
        rows = rng.integers(0, len(features), BATCH)
        logits = features[rows] @ weights + bias
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        errors = powers / powers.sum(axis=1, keepdims=True) - targets[rows]
        weights -= LEARNING_RATE * features[rows].T @ errors / BATCH
        bias -= LEARNING_RATE * errors.mean(axis=0)
    return weights.astype(np.float32), bias.astype(np.float32)


def imprinted(features: FloatArray, classes: Codes) -> FloatArray:
    """Imprint weights: the mean direction of each class (Qi, Brown, Lowe, CVPR 2018).

    Args:
        features: ``[m, F]``.
        classes: ``[m]``, from 0.

    Returns:
        ``[F, C]`` with columns of length 1; scores are `directions` of features times these.
    """
    rows = directions(features)
    means = [rows[classes == c].mean(axis=0) for c in range(int(classes.max()) + 1)]
    return directions(np.stack(means)).T


def directions(features: FloatArray) -> FloatArray:
    """Features ``[m, F]`` brought to length 1."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(features / np.maximum(lengths, 1e-12), np.float32)
