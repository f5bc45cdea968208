from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from harpi.learning.closed_form import (
    EXPECTED_MARGIN,
    Scaling,
    class_weights,
    discriminant,
    logits,
    temperature,
)
from harpi.recognition.head import softmax
from harpi.types import FloatArray

moderate = st.floats(-10, 10, width=32)


def blobs(
    means: list[list[float]], count: int, spread: list[float], seed: int = 0
) -> tuple[FloatArray, np.ndarray]:
    """`count` windows around each mean."""
    rng = np.random.default_rng(seed)
    rows = [rng.normal(mean, spread, (count, len(mean))) for mean in means]
    return np.concatenate(rows).astype(np.float32), np.repeat(np.arange(len(means)), count)


@given(
    arrays(np.float32, (5, 3), elements=moderate),
    arrays(np.float32, (3, 2), elements=moderate),
    arrays(np.float32, 2, elements=moderate),
)
def test_a_folded_layer_sees_features_as_the_layer_saw_scaled_ones(
    features: FloatArray, weights: FloatArray, bias: FloatArray
) -> None:
    scaling = Scaling.of(features, np.ones(5, np.float32))
    scaled = logits(scaling.apply(features), weights, bias)

    folded = scaling.fold(weights, bias)

    tolerance = 1e-3 * (1 + np.abs(folded[0]).max() * np.abs(features).max())
    np.testing.assert_allclose(logits(features, *folded), scaled, atol=tolerance)
    for again, before in zip(scaling.unfold(*folded), (weights, bias), strict=True):
        np.testing.assert_allclose(again, before, atol=tolerance)


def test_scaling_leaves_a_constant_feature_alone() -> None:
    features = np.array([[5, 1], [5, 3]], np.float32)

    scaling = Scaling.of(features, np.ones(2, np.float32))

    np.testing.assert_allclose(scaling.apply(features), [[0, -1], [0, 1]], rtol=1e-3)


def test_scaling_does_not_blow_up_a_feature_that_hardly_varies() -> None:
    rng = np.random.default_rng(0)
    features = (rng.normal(size=(50, 2)) * [1e-7, 1]).astype(np.float32)

    scaled = Scaling.of(features, np.ones(50, np.float32)).apply(features)

    assert np.abs(scaled[:, 0]).max() < 1e-3


def test_every_class_weighs_the_same_however_many_windows_it_has() -> None:
    targets = np.array([0] * 30 + [1] * 5 + [2] * 1)

    weights = class_weights(targets, 3)

    np.testing.assert_allclose(np.bincount(targets, weights), [12, 12, 12])
    assert weights.mean() == pytest.approx(1)


def test_one_window_of_each_class_makes_prototypes() -> None:
    features = np.array([[0, 0], [4, 1]], np.float32)

    head = discriminant(features, np.array([0, 1]), 2)

    nearer_first, nearer_second = [1.9, 0.5], [2.1, 0.5]
    judged = logits(np.array([nearer_first, nearer_second], np.float32), *head)
    assert judged.argmax(axis=1).tolist() == [0, 1]


def test_it_looks_along_the_direction_in_which_classes_are_narrow() -> None:
    # Both classes are long and thin along the diagonal; only across it do they differ.
    rng = np.random.default_rng(1)
    along = rng.normal(0, 2, (200, 1)) * [1, 1]
    targets = np.repeat([0, 1], 100)
    across = np.where(targets[:, None] == 0, 0.5, -0.5) * [1, -1]
    features = (along + across + rng.normal(0, 0.1, (200, 2))).astype(np.float32)

    head = discriminant(features[::2], targets[::2], 2)

    right = logits(features[1::2], *head).argmax(axis=1) == targets[1::2]
    assert right.mean() > 0.95


def test_a_rare_class_is_not_drowned_by_a_common_one() -> None:
    common, _ = blobs([[0, 0]], 200, [1, 1], seed=1)
    rare, _ = blobs([[3, 0]], 5, [1, 1], seed=2)
    head = discriminant(
        np.concatenate([common, rare]), np.array([0] * 200 + [1] * 5), classes=2
    )

    fresh, _ = blobs([[3, 0]], 500, [1, 1], seed=3)

    assert np.mean(logits(fresh, *head).argmax(axis=1) == 1) > 0.8


def test_what_turned_copies_move_is_not_trusted() -> None:
    # Feature 0 separates the classes better, but a turned strap moves it.
    features, targets = blobs([[0, 0], [4, 2]], 20, [0.3, 0.3])
    copies = np.repeat(features[:, None], 6, axis=1)
    copies[..., 0] += np.random.default_rng(1).normal(0, 5, copies.shape[:2])
    moved = features + np.array([-4, 0], np.float32)

    naive = discriminant(features, targets, 2)
    wary = discriminant(features, targets, 2, copies)

    assert np.mean(logits(moved, *naive).argmax(axis=1) == targets) < 0.7
    assert np.mean(logits(moved, *wary).argmax(axis=1) == targets) > 0.95


def test_a_head_is_sure_of_what_it_learnt_but_not_certain() -> None:
    features, targets = blobs([[0, 0, 0], [9, 9, 9]], 4, [1, 1, 1])
    values = logits(features, *discriminant(features, targets, 2))

    tempered = softmax(values / np.float32(temperature(values, targets)))

    sure = tempered[np.arange(8), targets]
    assert sure.mean() == pytest.approx(1 / (1 + np.exp(-EXPECTED_MARGIN)), abs=0.03)
    assert sure.max() < 1


@given(arrays(np.float32, (6, 3), elements=moderate), st.floats(0.1, 100))
def test_what_was_learnt_leads_alike_at_any_scale_of_the_logits(
    values: FloatArray, factor: float
) -> None:
    values[:, 0] = values[:, 1:].max(axis=1) + 1
    scaled = values * np.float32(factor)

    tempered = scaled / temperature(scaled, np.zeros(6, np.int64))

    leads = tempered[:, 0] - tempered[:, 1:].max(axis=1)
    assert leads.mean() == pytest.approx(EXPECTED_MARGIN, rel=1e-3)
