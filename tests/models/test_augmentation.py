from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harpi_models.augmentation import Augmentation, mirror, warp_time

NONE = Augmentation(
    turned=0,
    wobble=0,
    mirrored=0,
    vigour=1,
    gyro_gain=1,
    warp=1,
    bias=(0, 0),
    noise=(0, 0),
    clipped=0,
)


def batch(n: int = 40, length: int = 80, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    windows = rng.normal(0, 0.3, (n, length, 6)) * [1, 1, 1, 100, 100, 100]
    return (windows + np.array([0, 0.6, 0.8, 0, 0, 0])).astype(np.float32)


@given(st.integers(0, 1000))
def test_keeps_shape_and_stays_finite(seed: int) -> None:
    made = Augmentation()(batch(8), 64, np.random.default_rng(seed))
    assert made.shape == (8, 64, 6)
    assert made.dtype == np.float32
    assert np.isfinite(made).all()


def test_the_same_seed_gives_the_same_windows() -> None:
    first, second = (Augmentation()(batch(), 64, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_without_anything_it_only_chooses_where_to_begin() -> None:
    windows = batch()
    made = NONE(windows, 64, np.random.default_rng(0))
    for original, window in zip(windows, made, strict=True):
        distance = [np.abs(original[i : i + 64] - window).max() for i in range(17)]
        between = [
            np.abs(original[i : i + 64] * (1 - s) + original[i + 1 : i + 65] * s - window).max()
            for i in range(16)
            for s in np.linspace(0, 1, 51)
        ]
        assert min(*distance, *between) < 5, "at most the grid of shares is off"


def test_turning_changes_no_length() -> None:
    windows = batch(length=64)
    turning = Augmentation(**{**{k: getattr(NONE, k) for k in NONE.__slots__}, "turned": 1.0})
    made = turning(windows, 64, np.random.default_rng(0))
    for part in (slice(0, 3), slice(3, 6)):
        np.testing.assert_allclose(
            np.linalg.norm(made[..., part], axis=-1),
            np.linalg.norm(windows[..., part], axis=-1),
            rtol=1e-4,
        )
    assert np.abs(made - windows).max() > 1


def test_a_mirrored_rotation_turns_the_other_way() -> None:
    """A body that spins about z with its arm along x, seen in a mirror across x."""
    window = np.zeros((1, 4, 6), np.float32)
    window[..., 0], window[..., 5] = 1.0, 90.0
    seen = [
        mirror(window, np.array([True]), np.random.default_rng(seed))[0, 0]
        for seed in range(20)
    ]
    assert {tuple(row[[0, 5]]) for row in seen} == {(-1.0, -90.0), (1.0, -90.0), (1.0, 90.0)}
    kept = mirror(window, np.array([False]), np.random.default_rng(0))
    np.testing.assert_array_equal(kept, window)


def test_a_mirror_keeps_the_triple_product_s_size() -> None:
    """a . w is a pseudoscalar: a mirror turns its sign, whatever the axis."""
    windows = batch(10)
    made = mirror(windows, np.ones(10, bool), np.random.default_rng(0))
    dot = (windows[..., :3] * windows[..., 3:]).sum(-1)
    np.testing.assert_allclose(
        (made[..., :3] * made[..., 3:]).sum(-1), -dot, rtol=1e-3, atol=1e-3
    )


def test_time_runs_within_the_window() -> None:
    ramp = np.repeat(np.arange(80, dtype=np.float32)[None, :, None], 6, axis=2)
    ramp = np.repeat(ramp, 200, axis=0)
    made = warp_time(ramp, 64, 1.2, np.random.default_rng(0))[..., 0]
    assert made.min() >= 0
    assert made.max() <= 79
    speeds = np.diff(made, axis=1)
    np.testing.assert_allclose(speeds, speeds[:, :1].repeat(63, axis=1), atol=1e-4)
    assert 0.82 < speeds.min() < 0.9
    assert 1.1 < speeds.max() <= 1.2001


def test_clipping_is_that_of_the_chip_s_ranges() -> None:
    loud = np.full((50, 80, 6), 3000.0, np.float32)
    clipping = Augmentation(**{**{k: getattr(NONE, k) for k in NONE.__slots__}, "clipped": 1.0})
    made = clipping(loud, 64, np.random.default_rng(0))
    assert set(np.unique(made[..., 0])) == {2.0, 4.0}
    assert set(np.unique(made[..., 5])) == {250.0, 500.0}
