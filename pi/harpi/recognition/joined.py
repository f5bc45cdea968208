"""The base's features joined by those of the kNN, under a head of one softmax layer.

A base sees what its training people did; a movement that none of them made may look to it
like another. The features of `harpi.signal.features` know no people, and tell such movements
apart. The signatures of the model file take the base's features alone, so a head of joined
features is run here; it is one layer, fitted in closed form.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from harpi.signal.features import FEATURE_NAMES
from harpi.signal.features import features as signal_features
from harpi.types import FloatArray

SIGNAL_FEATURES: Final = len(FEATURE_NAMES)
"""Columns that join those of the base, after them."""


def join(features: FloatArray, windows: FloatArray, rate: float) -> FloatArray:
    """Put the signal's features beside the base's.

    Args:
        features: ``[n, F]`` of the base.
        windows: ``[n, T, 6]``, the windows that they are of.
        rate: samples per second of the windows.

    Returns:
        float32 ``[n, F + SIGNAL_FEATURES]``.
    """
    return np.concatenate([features, signal_features(windows, rate)], axis=1)


def probabilities(features: FloatArray, parameters: Mapping[str, FloatArray]) -> FloatArray:
    """Run a head of one layer, `w0` and `b0`, on features ``[n, F]``; gives ``[n, C]``."""
    return softmax(features @ parameters["w0"] + parameters["b0"])


def softmax(logits: FloatArray) -> FloatArray:
    """Turn logits ``[n, C]`` into probabilities."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: FloatArray = powers / powers.sum(axis=1, keepdims=True)
    return shares
