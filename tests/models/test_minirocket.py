from __future__ import annotations

import numpy as np
from sklearn.linear_model import RidgeClassifier

from harpi_models.minirocket import KERNELS, MiniRocket


def swings(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two paces under heavy noise."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, n)
    phase = rng.uniform(0, 6, (n, 1)) + 2 * np.pi * np.where(label, 1.5, 2.0)[:, None] * (
        np.arange(64) / 25
    )
    windows = np.sin(phase)[..., None] * np.ones(6) + rng.normal(0, 1, (n, 64, 6))
    return windows.astype(np.float32), label


def test_there_are_84_kernels_that_sum_to_nothing() -> None:
    assert len(KERNELS) == 84
    assert 6 * -1 + 3 * 2 == 0


def test_tells_paces_apart_under_noise() -> None:
    windows, label = swings(300, 0)
    asked, truth = swings(200, 1)
    transform = MiniRocket(windows, features=336)
    model = RidgeClassifier(10.0).fit(transform(windows), label)
    assert model.score(transform(asked), truth) > 0.95


def test_features_are_shares_and_the_same_for_a_window_alone() -> None:
    windows, _ = swings(20, 0)
    transform = MiniRocket(windows, features=336)
    together = transform(windows)
    assert together.min() >= 0
    assert together.max() <= 1
    np.testing.assert_allclose(transform(windows[3:4]), together[3:4], atol=1e-6)


def test_an_offset_changes_nothing_away_from_the_ends() -> None:
    """The kernels sum to zero; only the padding at the ends sees the offset."""
    windows, _ = swings(20, 0)
    transform = MiniRocket(windows, features=336)
    change = np.abs(transform(windows + np.float32(0.2)) - transform(windows))
    assert change.mean() < 0.1
