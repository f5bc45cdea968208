"""A virtual sensor obeys mechanics."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from harpi_models.virtual_imu import (
    GRAVITY,
    Place,
    Strap,
    draw_strap,
    sense,
    smooth,
    through_strap,
)

RATE = 120.0
RIGID = Strap(np.zeros(3), np.eye(3), cutoff=12.0)
ANYWHERE = st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(
    lambda q: sum(x * x for x in q) > 0.01
)


def inside(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Without the half seconds in which a filter has only one side to look at."""
    return values[int(RATE / 2) : -int(RATE / 2)]


@settings(max_examples=25, deadline=None)
@given(ANYWHERE)
def test_at_rest_it_reads_one_g_upwards_and_no_turning(quaternion: list[float]) -> None:
    turned = np.array(quaternion) / np.linalg.norm(quaternion)
    read = sense(np.ones((200, 3)), np.tile(turned, (200, 1)), RATE, RIGID)
    up = Rotation.from_quat(turned).inv().apply([0, 1, 0])
    np.testing.assert_allclose(read[:, :3], np.tile(up, (200, 1)), atol=1e-5)
    np.testing.assert_allclose(read[:, 3:], 0, atol=1e-3)


def test_a_rod_that_spins_evenly_reads_its_rate_and_its_centripetal_force() -> None:
    """About the vertical, w = 3 rad/s, 0.4 m from the axis: w²r/g inwards, w along up."""
    times = np.arange(600) / RATE
    rotation = Rotation.from_rotvec(np.outer(3 * times, [0, 1, 0])).as_quat()
    strap = Strap(np.array([0.4, 0, 0]), np.eye(3), cutoff=12.0)
    read = inside(sense(np.zeros((600, 3)), rotation, RATE, strap))
    np.testing.assert_allclose(read[:, 3:], [[0, np.degrees(3), 0]] * len(read), atol=0.2)
    expected = [-9 * 0.4 / GRAVITY, 1, 0]
    np.testing.assert_allclose(read[:, :3], [expected] * len(read), atol=2e-3)


def test_a_pendulum_reads_what_the_formula_says() -> None:
    """Angle a(t) = 0.4 sin(2 pi t) about z, sensor 0.8 m below the pivot.

    Along the rod it reads cos a + r w²/g, across it sin a + r a''/g.
    """
    times = np.arange(int(6 * RATE)) / RATE
    angle = 0.4 * np.sin(2 * np.pi * times)
    speed = 0.4 * 2 * np.pi * np.cos(2 * np.pi * times)
    rotation = Rotation.from_rotvec(np.outer(angle, [0, 0, 1])).as_quat()
    strap = Strap(np.array([0, -0.8, 0]), np.eye(3), cutoff=20.0)
    read = inside(sense(np.zeros((len(times), 3)), rotation, RATE, strap))
    along = np.cos(angle) + 0.8 * speed**2 / GRAVITY
    across = np.sin(angle) + 0.8 * -((2 * np.pi) ** 2) * angle / GRAVITY
    np.testing.assert_allclose(read[:, 1], inside(along), atol=0.01)
    np.testing.assert_allclose(read[:, 0], inside(across), atol=0.01)
    np.testing.assert_allclose(read[:, 5], inside(np.degrees(speed)), atol=0.5)


@pytest.mark.parametrize("tempo", [0.5, 2.0])
def test_a_tempo_squares_accelerations_and_scales_rates(tempo: float) -> None:
    times = np.arange(600) / RATE
    place = 0.1 * np.sin(2 * np.pi * times)[:, None] * [1, 0, 0]
    rotation = Rotation.from_rotvec(np.outer(0.3 * np.sin(times), [0, 0, 1])).as_quat()
    usual, other = (sense(place, rotation, RATE, RIGID, t) for t in (1.0, tempo))
    upward = Rotation.from_quat(rotation).inv().apply([0, 1, 0])
    np.testing.assert_allclose(
        inside(other[:, :3] - upward), tempo**2 * inside(usual[:, :3] - upward), atol=1e-3
    )
    np.testing.assert_allclose(
        inside(other[:, 3:]), tempo * inside(usual[:, 3:]), atol=0.01 * tempo
    )


@settings(max_examples=25, deadline=None)
@given(ANYWHERE, st.integers(0, 100))
def test_gravity_turns_as_the_gyroscope_says(quaternion: list[float], seed: int) -> None:
    """d(up)/dt = up x w in the sensor's frame, however it is strapped on."""
    times = np.arange(600) / RATE
    start = Rotation.from_quat(quaternion)
    rotation = Rotation.from_rotvec(np.outer(0.5 * np.sin(times), [0.6, 0, 0.8])) * start
    place = Place("shin", (0.5, 0.5), (0.0, 0.0), (20.0, 20.0))
    strap = draw_strap(place, np.zeros(3), np.random.default_rng(seed))
    read = sense(np.zeros((600, 3)), rotation.as_quat(), RATE, strap)
    up, rate = read[:, :3].astype(np.float64), np.radians(read[:, 3:])
    turning = (up[2:] - up[:-2]) * RATE / 2
    np.testing.assert_allclose(
        inside(turning), inside(np.cross(up[1:-1], rate[1:-1])), atol=5e-3
    )


def test_the_noise_of_the_capture_is_not_what_is_read() -> None:
    """Half a millimetre of noise would be more than 1 g after two derivatives."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.0005, (1200, 3))
    still = np.tile([0.0, 0, 0, 1], (1200, 1))
    read = inside(sense(noise, still, RATE, Strap(np.zeros(3), np.eye(3), cutoff=7.0)))
    raw = np.diff(noise, 2, axis=0) * RATE**2 / GRAVITY
    assert raw.std() > 1
    assert (read[:, :3] - [0, 1, 0]).std() < 0.1


def test_smoothing_moves_nothing_in_time_and_keeps_what_is_slow() -> None:
    times = np.arange(600) / RATE
    slow, fast = np.sin(2 * np.pi * times), np.sin(2 * np.pi * 40 * times)
    kept = smooth((slow + fast)[:, None], RATE, 8.0)[:, 0]
    np.testing.assert_allclose(inside(kept), inside(slow), atol=0.01)


def test_a_strap_passes_gravity_swings_at_its_resonance_and_hides_what_is_faster() -> None:
    strap = Strap(np.zeros(3), np.eye(3), resonance=8.0, damping=0.3)
    times = np.arange(1200) / RATE

    def passed(hertz: float) -> float:
        force = np.cos(2 * np.pi * hertz * times)[:, None] * np.ones(3)
        return float(np.ptp(through_strap(force, RATE, strap)[600:]) / 2)

    assert passed(0.0) == pytest.approx(0)
    assert through_strap(np.ones((300, 3)), RATE, strap) == pytest.approx(1)
    assert passed(1.0) == pytest.approx(1, abs=0.05)
    assert passed(7.0) > 1.5
    assert passed(30.0) < 0.5
