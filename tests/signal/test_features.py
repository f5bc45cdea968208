import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from harpi.signal.features import FEATURE_NAMES, features
from harpi.signal.orientation import any_rotations, turn
from tests.support.motions import MOTIONS, RATE, windows_of_motion

COLUMN = {name: i for i, name in enumerate(FEATURE_NAMES)}
MOUNTING_FREE = [
    name
    for name in FEATURE_NAMES
    if not name.startswith(("gravity_", "ax_", "ay_", "az_", "gx_", "gy_", "gz_"))
]
BATCH = np.concatenate([windows_of_motion(motion, 20) for motion in (*MOTIONS, "strange")])


def test_every_column_has_a_name_of_its_own() -> None:
    assert features(BATCH[:2], RATE).shape == (2, len(FEATURE_NAMES))
    assert len(set(FEATURE_NAMES)) == len(FEATURE_NAMES)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 79), st.integers(1, 80))
def test_a_window_has_the_same_features_alone_as_in_a_batch(first: int, count: int) -> None:
    batch = BATCH[first : first + count]
    alone = np.concatenate([features(window[None], RATE) for window in batch])
    assert np.array_equal(features(batch, RATE), alone)


def test_large_batches_are_no_exception() -> None:
    many = np.tile(BATCH, (15, 1, 1))
    assert np.array_equal(features(many, RATE)[-80:], features(BATCH, RATE))


@settings(deadline=None)
@given(
    arrays(
        np.float32,
        array_shapes(min_dims=2, max_dims=2, min_side=4, max_side=40).map(
            lambda s: (2, *s[:1], 6)
        ),
        elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
    )
)
def test_any_finite_window_has_finite_features(windows: np.ndarray) -> None:
    assert np.isfinite(features(windows, RATE)).all()


@pytest.mark.parametrize("value", [0.0, 1.0, -16.0, 1e-30, 3e38])
def test_constant_signals_have_finite_features(value: float) -> None:
    assert np.isfinite(features(np.full((1, 64, 6), value, np.float32), RATE)).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_mounting_does_not_matter_to_columns_that_do_not_name_an_axis(seed: int) -> None:
    rng = np.random.default_rng(seed)
    turned = turn(BATCH, any_rotations(len(BATCH), rng))
    columns = [COLUMN[name] for name in MOUNTING_FREE]
    before, after = features(BATCH, RATE)[:, columns], features(turned, RATE)[:, columns]
    assert len(columns) > 60
    # A crossing of the mean is one sample of 63 more or less when rounding decides it.
    assert np.abs(before - after).max() < 2 / 63


def test_gravity_points_where_the_mean_acceleration_does() -> None:
    [row] = features(windows_of_motion("still", 1), RATE)
    assert row[:3] == pytest.approx([0, 0, 1], abs=0.01)


@pytest.mark.parametrize("hertz", [0.8, 1.6, 2.9, 5.2, 7.0])
def test_the_band_of_a_motion_stands_out(hertz: float) -> None:
    times = np.arange(64) / RATE
    window = np.zeros((1, 64, 6), np.float32)
    window[0, :, 2] = 1 + 0.5 * np.sin(2 * np.pi * hertz * times)
    [row] = features(window, RATE)
    bands = {
        n: row[i] for n, i in COLUMN.items() if n.startswith("accel_axes_") and n.endswith("hz")
    }
    low, high = map(float, max(bands, key=bands.__getitem__).split("_")[2:4])
    assert low <= hertz < high
    assert row[COLUMN["accel_axes_centroid"]] == pytest.approx(hertz, abs=0.3)


def test_a_rhythm_is_told_from_noise() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.3, (1, 64, 6)).astype(np.float32)
    rhythm = windows_of_motion("slow", 1)
    column = COLUMN["accel_axes_periodicity"]
    assert features(rhythm, RATE)[0, column] > 0.8
    assert features(noise, RATE)[0, column] < 0.5


def test_other_rates_and_lengths_are_fine() -> None:
    for rate, length in ((12.5, 32), (50.0, 128), (200.0, 8), (5.0, 1024)):
        window = np.random.default_rng(1).normal(size=(1, length, 6)).astype(np.float32)
        assert np.isfinite(features(window, rate)).all()


def test_no_windows_have_no_features() -> None:
    assert features(np.empty((0, 64, 6), np.float32), RATE).shape == (0, len(FEATURE_NAMES))
