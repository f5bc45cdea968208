from __future__ import annotations

import numpy as np
import pytest

from harpi.signal.orientation import any_rotations, turn
from tests.models.support import TENSORFLOW

if TENSORFLOW:
    from harpi_models.imu_network import KINDS, channel_count, front, posture_branch

pytestmark = pytest.mark.models


def windows(n: int = 200) -> np.ndarray:
    rng = np.random.default_rng(0)
    swing = rng.normal(0, 0.3, (n, 64, 6)) * [1, 1, 1, 100, 100, 100]
    return (swing + np.array([0.2, 0.5, 0.8, 0, 0, 0])).astype(np.float32)


@pytest.mark.parametrize("kind", ["invariant", "aligned"])
def test_a_turned_strap_changes_nothing(kind: str) -> None:
    values = windows()
    turned = turn(values, any_rotations(len(values), np.random.default_rng(1)))
    before, after = (np.asarray(front(x, (kind,))["channels"]) for x in (values, turned))
    change = np.abs(after - before).max(axis=(1, 2))
    assert np.quantile(change, 0.95) < 0.02, "all but the windows without a clear direction"


def test_the_raw_channels_do_know_the_strap() -> None:
    values = windows()
    turned = turn(values, any_rotations(len(values), np.random.default_rng(1)))
    before, after = (np.asarray(front(x, ("raw",))["channels"]) for x in (values, turned))
    assert np.abs(after - before).max(axis=(1, 2)).min() > 0.1


def test_the_vertical_channel_is_along_gravity() -> None:
    still = np.zeros((1, 64, 6), np.float32)
    still[..., 1], still[..., 2] = 0.6, 0.8
    still[..., 4], still[..., 5] = 60.0, 80.0
    aligned = np.asarray(front(still, ("aligned",))["channels"])[0, 0]
    np.testing.assert_allclose(aligned[:3], [1, 0, 0], atol=1e-3)
    np.testing.assert_allclose(aligned[3:], [100 / 150, 0, 0], atol=1e-3)


def test_posture_is_the_mean_acceleration() -> None:
    values = windows()
    np.testing.assert_allclose(
        front(values)["posture"], values[..., :3].mean(axis=1), atol=1e-6
    )


def test_the_posture_layer_sees_direction_and_length() -> None:
    branch = posture_branch(8)
    up, down = np.array([[0.0, 0.0, 1.0]]), np.array([[0.0, 0.0, -1.0]])
    values = [np.asarray(branch(x, training=False)) for x in (up, 2 * up, down, 0 * up)]
    assert values[0].shape == (1, 8)
    assert all(np.isfinite(value).all() for value in values)
    assert all(np.abs(values[0] - other).max() > 1e-3 for other in values[1:])


@pytest.mark.parametrize("value", [0.0, 1e-4, 16.0, 2000.0])
def test_degenerate_windows_stay_finite(value: float) -> None:
    made = front(np.full((1, 64, 6), value, np.float32))
    assert np.isfinite(made["channels"]).all()
    assert made["channels"].shape[-1] == channel_count(tuple(KINDS))
