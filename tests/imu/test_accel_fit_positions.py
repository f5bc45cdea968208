"""Finding the positions of a calibration in what a sensor shows that is laid down."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from harpi.imu.accel_fit import FACE_NAMES, HOLD_SECONDS, Positions
from harpi.imu.chip import ChipSettings
from harpi.types import Samples

RATE = 50
SETTINGS = ChipSettings(RATE, 8, 1000, 4)
X_UP, LEANING = np.array([1.0, 0, 0]), np.array([0.6, 0, 0.8])


class Hand:
    """Lays a sensor down; each stretch gives the name of what was measured in it."""

    def __init__(self, leaning: int = 1) -> None:
        self.positions = Positions(SETTINGS, leaning)
        self.rng = np.random.default_rng(0)
        self.time = 0.0

    def lay(
        self,
        up: NDArray[np.float64],
        seconds: float = 3.0,
        *,
        shake: float = 0.0,
        gap: bool = False,
    ) -> list[str]:
        names = []
        for block in range(round(seconds * 5)):
            values = np.zeros((RATE // 5, 6), np.float32)
            values[:, :3] = up + self.rng.normal(0, 0.003 + shake, (RATE // 5, 3))
            values[:, 3:] = self.rng.normal(0, 0.03, (RATE // 5, 3))
            times = self.time + np.arange(RATE // 5) / RATE
            self.time = float(times[-1]) + 1 / RATE
            name = self.positions.take(Samples(values, times, gap and block == 5))
            names += [name] if name else []
        return names


def test_a_face_is_measured_once_it_was_held() -> None:
    hand = Hand()
    assert hand.lay(X_UP, HOLD_SECONDS - 0.4) == []
    assert hand.lay(X_UP, 0.6) == ["x up"]
    assert hand.positions.faces["x up"] == pytest.approx([1, 0, 0], abs=0.002)


def test_the_same_face_is_not_measured_twice() -> None:
    hand = Hand()
    assert hand.lay(X_UP, 10.0) == ["x up"]
    assert hand.lay(-X_UP) == ["x down"]
    assert hand.lay(X_UP) == []


def test_a_sensor_that_is_held_in_the_hand_is_not_measured() -> None:
    hand = Hand()
    assert hand.lay(X_UP, 10.0, shake=0.05) == []
    assert not hand.positions.still


def test_a_position_is_not_measured_across_a_gap_nor_across_a_turn() -> None:
    hand = Hand()
    assert hand.lay(X_UP, 2.8, gap=True) == []
    hand = Hand()
    assert hand.lay(X_UP, 1.0) == []
    assert hand.lay(-X_UP, 1.8) == []
    assert hand.lay(-X_UP, 1.0) == ["x down"]


def test_leaning_positions_must_differ() -> None:
    hand = Hand(leaning=2)
    assert hand.lay(LEANING) == ["leaning"]
    assert hand.lay(np.array([0.64, 0.0, 0.77])) == []
    assert hand.lay(np.array([0.6, 0.8, 0.0])) == ["leaning"]
    assert hand.lay(np.array([0.0, 0.6, -0.8])) == []
    assert hand.positions.missing == FACE_NAMES


def test_all_of_them_in_any_order() -> None:
    hand = Hand()
    ups = [-X_UP, LEANING, *np.eye(3), *-np.eye(3)[1:]]
    for up in ups:
        hand.lay(up)
    assert hand.positions.missing == ()
    assert hand.positions.measured.shape == (7, 3)
