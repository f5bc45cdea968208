from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harpi.signal.orientation import (
    STRANGE_SECONDS,
    PostureWatch,
    any_rotations,
    rotation_about,
    turn,
    up,
)
from harpi.types import FloatArray, Window

HOP = 0.64
ABOUT_Y = np.array([[0.0, 1.0, 0.0]])


def held(degrees: float, count: int = 60) -> FloatArray:
    """Windows of a trembling sensor whose z axis is tilted from up."""
    rng = np.random.default_rng(1)
    signal = rng.normal(0, 0.05, (count, 64, 6))
    signal[..., 2] += 1
    return turn(signal.astype(np.float32), rotation_about(ABOUT_Y, np.radians([degrees]))[0])


def looked_at(watch: PostureWatch, windows: FloatArray, begin: float = 0.0) -> list[bool]:
    return [
        watch.strange(Window(values, begin + number * HOP, begin + number * HOP + 2.52))
        for number, values in enumerate(windows)
    ]


def watch_that_knows(*degrees: float) -> PostureWatch:
    watch = PostureWatch()
    watch.learn(np.concatenate([up(held(angle, 5)) for angle in degrees]))
    return watch


def test_what_was_learnt_is_not_strange_for_as_long_as_it_lasts() -> None:
    watch = watch_that_knows(0, 90)
    assert not any(looked_at(watch, np.concatenate([held(0), held(90), held(15)])))


def test_a_strap_that_is_turned_is_strange_after_half_a_minute() -> None:
    seen = looked_at(watch_that_knows(0, 90), held(45))
    assert seen.index(True) == pytest.approx(STRANGE_SECONDS / HOP, abs=1)
    assert all(seen[seen.index(True) :])


def test_a_short_bend_is_not_strange() -> None:
    watch = watch_that_knows(0)
    bend = [held(0, 40), held(60, 15), held(0, 40)]
    assert not any(looked_at(watch, np.concatenate(bend)))


def test_after_a_pause_it_looks_anew() -> None:
    watch = watch_that_knows(0)
    assert not any(looked_at(watch, held(60, 40)))
    assert not any(looked_at(watch, held(60, 40), begin=100.0))


def test_without_a_take_nothing_is_strange() -> None:
    watch = watch_that_knows(0)
    watch.learn(np.empty((0, 3)))
    assert not any(looked_at(watch, held(120)))


def test_a_sensor_in_free_fall_has_no_direction() -> None:
    assert not up(np.zeros((2, 64, 6), np.float32)).any()


@given(st.integers(0, 2**32 - 1))
def test_up_turns_with_the_sensor(seed: int) -> None:
    (rotation,) = any_rotations(1, np.random.default_rng(seed))
    signal = held(30, 3)
    np.testing.assert_allclose(up(turn(signal, rotation)), up(signal) @ rotation.T, atol=1e-5)
