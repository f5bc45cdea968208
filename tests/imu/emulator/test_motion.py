from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harpi.imu.emulator import Playback, Still, Tumbling, rotation_matrix
from harpi.imu.emulator.motion import check_rotation
from harpi.recording import Recording

RATE = 50.0


def recording(count: int = 100, seed: int = 1) -> Recording:
    values = np.random.default_rng(seed).normal(size=(count, 6)).astype(np.float32)
    label = np.where(np.arange(count) < count // 2, 0, 1).astype(np.int16)
    label[0] = -1
    return Recording(values=values, rate=RATE, labels=("sitting", "walking"), label=label)


def test_still_reads_gravity_and_no_turning() -> None:
    assert Still((0.0, 1.0, 0.0)).values(np.arange(3.0)).tolist() == [[0, 1, 0, 0, 0, 0]] * 3


def test_playback_passes_through_the_recorded_samples() -> None:
    played = recording()
    times = 7.0 + np.arange(100) / RATE
    motion = Playback(played, start=7.0)
    assert motion.values(times + 1e-9) == pytest.approx(played.values, abs=1e-5)


def test_playback_follows_a_slow_sine_between_the_samples() -> None:
    wave = np.sin(2 * np.pi * 2.0 * np.arange(400) / RATE)
    motion = Playback(Recording(np.tile(wave[:, None], 6).astype(np.float32), RATE))
    times = np.linspace(1.0, 3.0, 777)
    error = motion.values(times)[:, 0] - np.sin(2 * np.pi * 2.0 * times)
    assert np.abs(error).max() < 0.002


@given(st.floats(-1e4, 1e4))
def test_a_loop_begins_again(moment: float) -> None:
    motion = Playback(recording())
    once = motion.values(np.array([moment]))
    again = motion.values(np.array([moment + motion.duration]))
    assert np.allclose(once, again, atol=1e-4)


def test_without_a_loop_the_ends_stay() -> None:
    played = recording()
    motion = Playback(played, loop=False)
    held = motion.values(np.array([-5.0, 1e6]))
    assert held == pytest.approx(played.values[[0, -1]], abs=1e-6)


def test_a_turned_strap_turns_both_sensors() -> None:
    played = recording()
    motion = Playback(played, rotation=rotation_matrix((0, 0, 1), 90.0))
    x, y, z = played.values[5, :3]
    assert motion.values(np.array([0.1]))[0, :3] == pytest.approx([-y, x, z], abs=1e-5)
    gx, gy, gz = played.values[5, 3:]
    assert motion.values(np.array([0.1]))[0, 3:] == pytest.approx([-gy, gx, gz], abs=1e-5)


def test_the_strap_can_be_turned_during_play_and_back() -> None:
    motion = Playback(recording())
    before, revision = motion.values(np.array([0.33])), motion.revision
    motion.turn(rotation_matrix((1, 1, 0), 180.0))
    assert motion.revision > revision
    assert not np.allclose(motion.values(np.array([0.33])), before)
    motion.turn(None)
    assert motion.values(np.array([0.33])) == pytest.approx(before)


vectors = st.tuples(*[st.floats(-10, 10)] * 3).filter(lambda v: np.linalg.norm(v) > 1e-3)


@given(vectors, vectors, st.floats(-360, 360))
def test_a_rotation_keeps_lengths_and_its_axis(
    axis: tuple[float, ...], vector: tuple[float, ...], degrees: float
) -> None:
    rotation = check_rotation(rotation_matrix(axis, degrees))
    assert np.linalg.norm(rotation @ vector) == pytest.approx(np.linalg.norm(vector))
    assert rotation @ axis == pytest.approx(np.array(axis), abs=1e-9)


@pytest.mark.parametrize("axis", [(0, 0, 0), (1, 2), (np.nan, 0, 1)])
def test_an_axis_without_direction_is_refused(axis: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="an axis"):
        rotation_matrix(axis, 10.0)


@pytest.mark.parametrize("matrix", [np.eye(2), 2 * np.eye(3), np.diag([1.0, 1.0, -1.0])])
def test_what_stretches_or_mirrors_is_no_rotation(matrix: np.ndarray) -> None:
    with pytest.raises(ValueError, match="a rotation"):
        Playback(recording()).turn(matrix)


def test_a_chip_that_is_laid_down_here_and_there() -> None:
    motion = Tumbling([(0, 0, 1), (1, 0, 0)], hold_seconds=2.0, turn_seconds=1.0, start=10.0)
    values = motion.values(np.array([10.0, 11.9, 12.5, 13.1, 14.9, 16.0]))
    assert values[:, :3].tolist() == [
        [0, 0, 1],
        [0, 0, 1],
        [0.5, 0, 0.5],
        [1, 0, 0],
        [1, 0, 0],
        [0, 0, 1],
    ]
    assert values[:, 3].tolist() == [0, 0, 90, 0, 0, 0]
