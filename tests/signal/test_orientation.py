import numpy as np
import pytest

from harpi.signal.orientation import (
    any_rotations,
    gravity_direction,
    random_rotations,
    rotation_about,
    turn,
)
from tests.support.motions import windows_of_motion


@pytest.mark.parametrize("rotations", [
    any_rotations(200, np.random.default_rng(0)),
    random_rotations(200, 30, np.random.default_rng(0)),
])  # fmt: skip
def test_rotations_keep_lengths_and_handedness(rotations: np.ndarray) -> None:
    assert np.allclose(rotations @ rotations.transpose(0, 2, 1), np.eye(3))
    assert np.allclose(np.linalg.det(rotations), 1)


def test_small_turns_have_the_spread_that_was_asked_for() -> None:
    rotations = random_rotations(20_000, 20, np.random.default_rng(1))
    angle = np.degrees(np.arccos((np.trace(rotations, axis1=1, axis2=2) - 1) / 2))
    assert np.sqrt(np.mean(angle**2)) == pytest.approx(20, rel=0.03)


def test_any_turn_is_as_likely_as_another() -> None:
    rotations = any_rotations(20_000, np.random.default_rng(2))
    assert np.abs(rotations.mean(axis=0)).max() < 0.02
    angle = np.degrees(
        np.arccos(np.clip((np.trace(rotations, axis1=1, axis2=2) - 1) / 2, -1, 1))
    )
    # Mean angle of a random rotation: pi/2 + 2/pi (Miles 1965).
    assert angle.mean() == pytest.approx(np.degrees(np.pi / 2 + 2 / np.pi), rel=0.01)


def test_a_quarter_turn_about_x_takes_y_to_z() -> None:
    [quarter] = rotation_about(np.array([[1.0, 0, 0]]), np.array([np.pi / 2]))
    signal = np.array([[1, 2, 3, 4, 5, 6]], np.float32)
    assert turn(signal, quarter) == pytest.approx(np.array([[1, -3, 2, 4, -6, 5]]), abs=1e-5)


def test_each_window_gets_its_own_turn() -> None:
    windows = windows_of_motion("fast", 5)
    rotations = any_rotations(5, np.random.default_rng(3))
    turned = turn(windows, rotations)
    assert turned.dtype == np.float32
    for window, rotation, result in zip(windows, rotations, turned, strict=True):
        assert np.allclose(turn(window, rotation), result, atol=1e-5)


def test_gravity_turns_with_the_strap() -> None:
    windows = windows_of_motion("slow", 8)
    assert gravity_direction(windows) == pytest.approx([0, 0, 1], abs=0.05)
    [quarter] = rotation_about(np.array([[1.0, 0, 0]]), np.array([np.pi / 2]))
    assert gravity_direction(turn(windows, quarter)) == pytest.approx([0, -1, 0], abs=0.05)


def test_free_fall_has_no_direction() -> None:
    assert not gravity_direction(np.zeros((1, 64, 6), np.float32)).any()
