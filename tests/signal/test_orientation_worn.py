from __future__ import annotations

import numpy as np

from harpi.signal.orientation import STILL_SECONDS, WornWatch
from harpi.types import Window

HOP = 0.64


def window(number: int, gyro: float, accel: float) -> Window:
    """A window in which each axis has this spread, deg/s and g."""
    rng = np.random.default_rng(number)
    values = rng.normal(0, 1, (64, 6)) * np.repeat([accel, gyro], 3)
    return Window(values.astype(np.float32), start=number * HOP, end=number * HOP + 2.52)


def seconds_until_taken_off(gyro: float, accel: float) -> float | None:
    watch = WornWatch()
    for number in range(200):
        current = window(number, gyro, accel)
        if not watch.worn(current):
            return current.end
    return None


def test_a_sensor_on_a_table_is_not_worn_after_half_a_minute() -> None:
    seconds = seconds_until_taken_off(gyro=0.02, accel=0.0017)

    assert seconds is not None
    assert STILL_SECONDS <= seconds < STILL_SECONDS + 2 * HOP


def test_a_person_who_sits_still_wears_it() -> None:
    assert seconds_until_taken_off(gyro=0.25, accel=0.003) is None


def test_a_table_that_trembles_and_a_sensor_that_only_turns_are_moved() -> None:
    assert seconds_until_taken_off(gyro=0.02, accel=0.01) is None
    assert seconds_until_taken_off(gyro=5, accel=0.001) is None


def test_one_motion_is_enough_to_be_worn_again() -> None:
    watch = WornWatch()
    still = [watch.worn(window(number, 0.02, 0.0017)) for number in range(60)]

    assert not still[-1]
    assert watch.worn(window(60, 30, 0.3))
    assert watch.worn(window(61, 0.02, 0.0017))
